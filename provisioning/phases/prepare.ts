import { Failure } from '../run/failure.ts';
import type { Phase, RunContext, Step } from '../run/phase.ts';
import type { Host, Testbed } from '../testbed/schema.ts';
import { outsideStep } from './outside/step.ts';
import { addressOf, factsOf, isAdopted } from './support/hosts.ts';
import { installStep } from './support/install.ts';
import type { PhaseTools } from './support/options.ts';
import { packagesStep } from './support/packages.ts';
import { pythonStep } from './support/python.ts';
import { allOf, beforeFolder, notesFolder, quote, script, undoing } from './support/shell.ts';

/** Makes a host fit for Kubernetes and our agents: kernel settings, names, packages, swap, the Node runtime. */
export const preparePhase = (tools: PhaseTools): Phase => ({
  id: 'prepare',
  title: 'Prepare',
  steps: async (host, context) => [
    foldersStep,
    hostNamesStep(context),
    await outsideStep(context, tools.now()),
    ...(isAdopted(host, context.testbed) ? [] : kubernetesSteps(host, context)),
    ...(context.testbed.preflight.python ? [pythonStep] : []),
    await installStep(tools, context, host, { name: 'node', target: nodeProgram }),
  ],
});

/** What kubeadm and kubelet ask of a host. */
const kubernetesSteps = (host: Host, context: RunContext): Step[] => [
  packagesStep({
    id: 'packages',
    title: 'Install what kubeadm asks for (conntrack, ethtool, socat, iptables)',
    // nft (with tc) is what agents shape traffic by; a host that has all the rest does without it, and they say so.
    packages: ['conntrack', 'ethtool', 'socat', 'iptables', 'iproute2', 'nftables', 'kmod', 'procps'],
    observe: ['conntrack', 'ethtool', 'socat', 'iptables', 'ip', 'ps'].map((tool) => `command -v ${tool} >/dev/null`),
  }),
  forwardingStep,
  ...swapSteps(host, context),
];

export const nodeProgram = '/opt/mlsysops/node/bin/node';

/** Agents run as a user of their own: what they read must be open to it, whatever umask this host has. */
const openFolders = '/etc/mlsysops /opt/mlsysops /opt/mlsysops/agents /opt/mlsysops/share';

const foldersStep: Step = {
  id: 'folders',
  title: 'Make the folders of MLSysOps',
  observe: allOf(
    `[ "$(stat -c %a ${openFolders} 2>/dev/null | sort -u)" = 755 ]`,
    `[ "$(stat -c %a ${notesFolder} 2>/dev/null)" = 700 ]`,
  ),
  change: script(`install -d -m 0755 ${openFolders}`, `install -d -m 0700 ${notesFolder}`),
  undo: undoing('rm -rf /etc/mlsysops /opt/mlsysops /var/lib/mlsysops'),
};

const begin = '# BEGIN mlsysops';
const end = '# END mlsysops';

/** Lines of /etc/hosts so that every host of the testbed knows every other by its name. */
export const hostLines = (testbed: Testbed, addressOfHost: (host: Host) => string): string =>
  testbed.hosts.map((host) => `${addressOfHost(host)} ${host.name}`).join('\n');

function hostNamesStep(context: RunContext): Step {
  const block = `${begin}\n${hostLines(context.testbed, (host) => addressOf(host, context))}\n${end}`;
  const without = `sed '/^${begin}$/,/^${end}$/d' /etc/hosts`;
  // Written in place: /etc/hosts may be a mount, which cannot be renamed over.
  return {
    id: 'host-names',
    title: 'Make the hosts of the testbed known by name',
    observe: allOf(`[ "$(sed -n '/^${begin}$/,/^${end}$/p' /etc/hosts)" = ${quote(block)} ]`),
    change: script(`others=$(${without})`, `printf '%s\\n%s\\n' "$others" ${quote(block)} >/etc/hosts`),
    undo: undoing(`if grep -q '^${begin}$' /etc/hosts; then others=$(${without}); printf '%s\\n' "$others" >/etc/hosts; fi`),
  };
}

const sysctls = `net.ipv4.ip_forward = 1
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
`;

/** A failing modprobe is harmless where the feature is built in; a kernel without br_netfilter still routes between nodes. */
const forwardingStep: Step = {
  id: 'forwarding',
  title: 'Let the kernel forward packets of pods',
  observe: allOf(
    '[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]',
    '{ [ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || [ "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)" = 1 ]; }',
    '[ -e /etc/sysctl.d/90-mlsysops.conf ]',
  ),
  files: () =>
    Promise.resolve([
      { path: '/etc/sysctl.d/90-mlsysops.conf', mode: '0644', content: sysctls },
      { path: '/etc/modules-load.d/mlsysops.conf', mode: '0644', content: 'overlay\nbr_netfilter\n' },
    ]),
  change: script(
    `mkdir -p ${beforeFolder}`,
    `[ -e ${beforeFolder}/ip_forward ] || cat /proc/sys/net/ipv4/ip_forward >${beforeFolder}/ip_forward`,
    'modprobe overlay 2>/dev/null || :',
    'modprobe br_netfilter 2>/dev/null || :',
    '[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || echo 1 >/proc/sys/net/ipv4/ip_forward',
    'for family in iptables ip6tables; do',
    '  setting=/proc/sys/net/bridge/bridge-nf-call-$family',
    '  if [ -e "$setting" ] && [ "$(cat "$setting")" != 1 ]; then echo 1 >"$setting"; fi',
    'done',
  ),
  remedies: [
    {
      pattern: /Read-only file system|Permission denied/,
      cause: 'the kernel settings of this host cannot be written (a container without that right?)',
      remedy: 'Set net.ipv4.ip_forward=1 from outside of the container',
    },
  ],
  undo: undoing(
    `if [ -e ${beforeFolder}/ip_forward ]; then cat ${beforeFolder}/ip_forward >/proc/sys/net/ipv4/ip_forward; fi 2>/dev/null`,
    `rm -f /etc/sysctl.d/90-mlsysops.conf /etc/modules-load.d/mlsysops.conf ${beforeFolder}/ip_forward`,
  ),
};

/** Kubelet refuses to start with swap on, unless the testbed file says otherwise. In a container swap is the outer machine's: hands off. */
function swapSteps(host: Host, context: RunContext): Step[] {
  if (context.testbed.kubernetes.kubeletOverrides.failSwapOn === false || factsOf(host, context)?.container) return [];
  return [
    {
      id: 'swap',
      title: 'Turn swap off',
      observe: allOf(
        '[ "$(wc -l </proc/swaps)" -le 1 ]',
        "! grep -Eq '^[^#[:space:]]+[[:space:]]+[^[:space:]]+[[:space:]]+swap[[:space:]]' /etc/fstab",
      ),
      change: script(
        'swapoff -a',
        "sed -i -E 's/^([^#[:space:]]+[[:space:]]+[^[:space:]]+[[:space:]]+swap[[:space:]])/#mlsysops# \\1/' /etc/fstab",
      ),
      remedies: [
        {
          pattern: /Cannot allocate memory/,
          remedy: 'Stop what uses the memory, or set kubernetes.kubeletOverrides.failSwapOn: false',
        },
      ],
      undo: undoing("if grep -q '^#mlsysops# ' /etc/fstab 2>/dev/null; then sed -i 's/^#mlsysops# //' /etc/fstab; swapon -a; fi"),
    },
  ];
}

/** @throws Failure when the host's facts have not been read. */
export function neededFacts(host: Host, context: RunContext) {
  const facts = factsOf(host, context);
  if (facts !== undefined) return facts;
  throw new Failure({ code: 'step', host: host.name, cause: 'the facts of this host have not been read', remedy: 'Run again' });
}
