import type { HostFacts, Phase, Step } from '../run/phase.ts';
import { neededFacts } from './prepare.ts';
import { fileStep } from './support/files.ts';
import { factsOf, isAdopted } from './support/hosts.ts';
import type { PhaseTools } from './support/options.ts';
import { packagesStep } from './support/packages.ts';
import { allOf, keepFormer, restartIfActive, restoreFormer, script, undoing, waitFor } from './support/shell.ts';

/** Where the distribution's package puts the CNI plugins (Debian, Ubuntu). */
export const cniFolder = '/usr/lib/cni';
export const containerdSocket = 'unix:///run/containerd/containerd.sock';

/** containerd, runc and CNI plugins of the distribution, set up for Kubernetes. */
export const runtimePhase = (tools: PhaseTools): Phase => ({
  id: 'runtime',
  title: 'Runtime',
  steps: async (host, context) => {
    if (isAdopted(host, context.testbed)) return [];
    const { pauseImage } = await tools.artefacts(context);
    const configuration = factsOf(host, context) ? containerdConfiguration(neededFacts(host, context), pauseImage) : '';
    return [
      packagesStep({
        id: 'containerd-packages',
        title: 'Install containerd, runc and the CNI plugins',
        packages: ['containerd', 'runc', 'containernetworking-plugins'],
        observe: [
          'command -v containerd >/dev/null',
          'command -v runc >/dev/null',
          ...['bridge', 'host-local', 'portmap', 'loopback'].map((plugin) => `[ -x ${cniFolder}/${plugin} ]`),
        ],
      }),
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
  },
});

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
export function containerdConfiguration(facts: Pick<HostFacts, 'cgroup' | 'container'>, pauseImage: string): string {
  // In a container without CAP_SYS_RESOURCE runc fails on a negative oom_score_adj; clamping it costs nothing elsewhere.
  return `# Written by MLSysOps Desktop; "testbed down" puts the former file back.
version = 2

[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = ${facts.container !== null}

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniFolder}"
    conf_dir = "/etc/cni/net.d"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = ${facts.cgroup === 'v2'}
`;
}
