import { isImageArchive } from '../../artefacts/bundle.ts';
import type { RunContext, Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { factsOf } from './hosts.ts';
import { installStep } from './install.ts';
import type { PhaseTools } from './options.ts';

/** What other steps install by name. */
const installedElsewhere = new Set([
  ...['node', 'kubeadm', 'kubelet', 'kubectl', 'karmadactl', 'karmada-crds', 'nats-server'],
  ...['containerd', 'runc', 'cni-plugins', 'crictl'],
]);

/**
 * Programs that a bundle's doubles need beside them (where the real part is a container image, its double is a program): every double
 * of the bundle that no other step installs goes to /usr/local/bin; archives of images are imported instead. A bundle without doubles has none.
 */
export async function companionSteps(tools: PhaseTools, context: RunContext, host: Host): Promise<Step[]> {
  const architecture = factsOf(host, context)?.architecture;
  if (architecture === undefined) return [];
  const artefacts = await tools.artefacts(context);
  const entries = await artefacts.bundled(architecture).catch(() => []);
  return Promise.all(
    entries
      .filter((entry) => entry.double !== undefined && !installedElsewhere.has(entry.name) && !isImageArchive(entry.name))
      .map((entry) => installStep(tools, context, host, { name: entry.name, target: `/usr/local/bin/${entry.name}` })),
  );
}
