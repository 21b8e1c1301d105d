import type { Artefacts } from '../artefacts/resolve.ts';
import { Failure } from '../run/failure.ts';
import type { HostFacts, Phase, RunContext, Step } from '../run/phase.ts';
import type { Host } from '../testbed/schema.ts';
import { manifestCniFolder, manifestOf } from './network/manifest.ts';
import { neededFacts } from './prepare.ts';
import { packedCniFolder, packedRunc, packedSteps, plugins } from './runtime/packed.ts';
import { isPacked, type RuntimePart, runtimeParts, type Source, sourcesOf } from './runtime/sources.ts';
import { fileStep } from './support/files.ts';
import { factsOf, isAdopted } from './support/hosts.ts';
import type { PhaseTools } from './support/options.ts';
import { packagesStep } from './support/packages.ts';
import { allOf, keepFormer, restartIfActive, restoreFormer, script, undoing, waitFor } from './support/shell.ts';

/** Where the distribution's package puts the CNI plugins (Debian, Ubuntu). */
const cniFolder = '/usr/lib/cni';
export const containerdSocket = 'unix:///run/containerd/containerd.sock';

/** containerd, runc and CNI plugins, set up for Kubernetes: of the distribution where they fit, else of the bundle or their publishers. */
export const runtimePhase = (tools: PhaseTools): Phase => ({
  id: 'runtime',
  title: 'Runtime',
  steps: (host, context) => runtimeSteps(tools, context, host),
});

/** Also what an upgrade does on each host before its kubelet is exchanged. */
export async function runtimeSteps(tools: PhaseTools, context: RunContext, host: Host): Promise<Step[]> {
  if (isAdopted(host, context.testbed)) return [];
  const artefacts = await tools.artefacts(context);
  const sources = await sourcesOf(factsOf(host, context), artefacts);
  const configuration = factsOf(host, context)
    ? containerdConfiguration(
        neededFacts(host, context),
        artefacts.pauseImage,
        sources,
        manifestOf(host.cluster, context.testbed) !== null,
      )
    : '';
  return [
    distributionStep(sources),
    ...unseenSteps(host, context, artefacts, sources),
    ...(await packedSteps(tools, context, host, sources)),
    keepContainerdConfiguration,
    {
      ...fileStep({
        id: 'containerd-configuration',
        title: 'Set containerd up for Kubernetes',
        files: [{ path: '/etc/containerd/config.toml', mode: '0644', content: configuration }],
        afterwards: restartIfActive('containerd'),
      }),
      // Where we have not been, the file is somebody else's.
      undo: undoing(
        `if grep -q '^# Written by MLSysOps' /etc/containerd/config.toml 2>/dev/null; then`,
        restoreFormer('/etc/containerd/config.toml'),
        restartIfActive('containerd'),
        'fi',
      ),
    },
    containerdService,
  ];
}

const packages = { containerd: 'containerd', runc: 'runc', 'cni-plugins': 'containernetworking-plugins' } as const;

/** Packages of those parts that the distribution has in a version that fits. With none left it stands for its undo alone. */
function distributionStep(sources: Record<RuntimePart, Source>): Step {
  const taken = runtimeParts.filter((part) => sources[part].from === 'distribution');
  const observe = {
    containerd: ['command -v containerd >/dev/null'],
    runc: ['command -v runc >/dev/null'],
    'cni-plugins': plugins.map((plugin) => `[ -x ${cniFolder}/${plugin} ]`),
  };
  const names = taken.map((part) => (part === 'cni-plugins' ? 'the CNI plugins' : part));
  const listed = [names.slice(0, -1).join(', '), names.at(-1)].filter((name) => name !== '').join(' and ');
  return packagesStep({
    id: 'containerd-packages',
    title: taken.length === 0 ? 'Leave the packages of containerd, runc and the CNI plugins as they are' : `Install ${listed}`,
    packages: taken.map((part) => packages[part]),
    observe: taken.length === 0 ? [':'] : taken.flatMap((part) => observe[part]),
  });
}

/** Where the package manager could not tell which version it would install, it is looked at once it is there. */
function unseenSteps(host: Host, context: RunContext, artefacts: Artefacts, sources: Record<RuntimePart, Source>): Step[] {
  const runtime = factsOf(host, context)?.runtime;
  const unseen = runtimeParts.filter(
    (part) => sources[part].from === 'distribution' && runtime?.[part].installed === null && runtime[part].offered === null,
  );
  if (unseen.length === 0) return [];
  const place = { phase: 'runtime', step: 'packages-fit' };
  return [
    {
      id: 'packages-fit',
      title: 'See that those packages fit',
      observe: 'false',
      verify: ':',
      async change() {
        const names = unseen.map((part) => packages[part]).join(' ');
        const said = await context.execute(host.name, `dpkg-query -W -f '\${Package} \${Version}\\n' ${names}`, place);
        const versions = new Map(said.split('\n').map((line) => line.split(' ') as [string, string]));
        const reasons = unseen.flatMap((part) => artefacts.whyPackageDoesNotFit(part, versions.get(packages[part]) ?? '') ?? []);
        if (reasons.length === 0) return ':';
        throw new Failure({
          code: 'step',
          host: host.name,
          ...place,
          cause: reasons.join('; '),
          remedy: 'Run again: what does not fit is taken from the bundle or from its publisher then',
        });
      },
    },
  ];
}

/** The file is put in place before `change` runs, so the former one is kept by a step of its own. */
const keepContainerdConfiguration: Step = {
  id: 'keep-containerd-configuration',
  title: "Keep the host's former containerd configuration",
  observe: allOf(
    '{ [ ! -e /etc/containerd/config.toml ] || [ -e /var/lib/mlsysops/provisioning/before/_etc_containerd_config.toml ] || grep -q "^# Written by MLSysOps" /etc/containerd/config.toml; }',
  ),
  change: script(keepFormer('/etc/containerd/config.toml')),
};

const containerdService: Step = {
  id: 'containerd-service',
  title: 'Start containerd',
  observe: allOf(
    'systemctl is-enabled -q containerd 2>/dev/null',
    'systemctl is-active -q containerd',
    '[ -S /run/containerd/containerd.sock ]',
  ),
  change: script(
    'systemctl enable -q --now containerd',
    waitFor('[ -S /run/containerd/containerd.sock ]', 30, 'journalctl -u containerd -n 20 --no-pager >&2'),
  ),
  remedies: [
    {
      pattern: /oom_score_adj/,
      remedy: 'This host may not lower oom_score_adj: tell its container manager to grant CAP_SYS_RESOURCE',
    },
  ],
};

/** config.toml (version 2, which containerd 1.6 to 2 read). */
export function containerdConfiguration(
  facts: Pick<HostFacts, 'cgroup' | 'container'>,
  pauseImage: string,
  sources: Record<RuntimePart, Source>,
  /** Whether pods have the network of a manifest. */
  manifest = false,
): string {
  // In a container without CAP_SYS_RESOURCE runc fails on a negative oom_score_adj; clamping it costs nothing elsewhere.
  return `# Written by MLSysOps Desktop; "testbed down" puts the former file back.
version = 2

[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = ${facts.container !== null}

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${manifest ? manifestCniFolder : isPacked(sources['cni-plugins']) ? packedCniFolder : cniFolder}"
    conf_dir = "/etc/cni/net.d"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = ${facts.cgroup === 'v2'}
${isPacked(sources.runc) ? `      BinaryName = "${packedRunc}"\n` : ''}`;
}
