import { type BundleEntry, isImageArchive } from '../../artefacts/bundle.ts';
import type { RunContext, Step } from '../../run/phase.ts';
import type { Host, Testbed } from '../../testbed/schema.ts';
import { factsOf, isControlPlane } from '../support/hosts.ts';
import type { PhaseTools } from '../support/options.ts';
import { allOf, installedFolder, quote, script, setPath, undoing } from '../support/shell.ts';
import { lookOf } from './looks.ts';

/** All that containerd has: one question for all archives. */
const imagesLook = lookOf('m_images', `( ${setPath}; ctr -n k8s.io images ls -q )`);

/**
 * Which hosts run what is in an archive of images, by its name in the bundle: those of a control plane and of Karmada are large, and a
 * worker behind a slow link should not wait for them. Any other "images-…" goes to every host.
 */
function wants(host: Host, testbed: Testbed, archive: string): boolean {
  if (archive === 'images-control-plane') return isControlPlane(host);
  if (archive === 'images-karmada') return host.role === 'management';
  if (archive === 'images-karmada-agent') return testbed.clusters[host.cluster]?.join === 'pull';
  return isImageArchive(archive);
}

/**
 * Container images of an offline bundle: entries named "images" or "images-…" are archives of images, which go straight into containerd,
 * so that hosts without a registry have them. Which pause image they hold is theirs; it is tagged as the one containerd asks for.
 */
export async function imageSteps(tools: PhaseTools, context: RunContext, host: Host): Promise<Step[]> {
  const architecture = factsOf(host, context)?.architecture;
  if (architecture === undefined) return [];
  const artefacts = await tools.artefacts(context);
  const entries = await artefacts.bundled(architecture).catch(() => []);
  return entries
    .filter((entry) => wants(host, context.testbed, entry.name))
    .map((entry) =>
      importStep(entry, artefacts.pauseImage, async () => (await artefacts.resolve(entry.name, architecture)).localPath),
    );
}

function importStep(entry: BundleEntry, pauseImage: string, localPath: () => Promise<string>): Step {
  const archive = `/var/lib/mlsysops/provisioning/incoming/${entry.name}.tar`;
  const note = `${installedFolder}/${entry.name}`;
  return {
    id: `import-${entry.name}`,
    title: `Import container images (${entry.name})`,
    asks: imagesLook.asks,
    // An image may be gone again: kubelet removes those that nobody uses when the disk fills up. No program is started for each of them.
    observe: allOf(
      "line='\n'",
      `{ read -r digest && [ "$digest" = ${entry.sha256} ] && while read -r image; do case "$line$m_images$line" in *"$line$image$line"*) ;; *) exit 1 ;; esac; done; } <${note}`,
    ),
    files: async () => [{ path: archive, mode: '0600', localPath: await localPath(), sha256: entry.sha256 }],
    change: script(
      `mkdir -p ${installedFolder}`,
      // containerd 1 says "unpacking NAME (sha256:…)...done" of each, containerd 2 "NAME saved".
      `imported=$(ctr -n k8s.io images import ${archive})`,
      `rm -f ${archive}`,
      `pause=$(ctr -n k8s.io images ls -q | grep '/pause:' | head -n 1)`,
      `if [ -n "$pause" ] && [ "$pause" != ${quote(pauseImage)} ]; then ctr -n k8s.io images tag --force "$pause" ${quote(pauseImage)}; fi`,
      `{ echo ${entry.sha256}; printf '%s\\n' "$imported" | sed -n -e 's/^unpacking \\([^ ]*\\) .*/\\1/p' -e 's/^\\([^ ]*\\)[[:space:]]*saved.*/\\1/p'; } >${note}`,
    ),
    timeoutS: 600,
    undo: undoing(`rm -f ${archive} ${note}`),
  };
}
