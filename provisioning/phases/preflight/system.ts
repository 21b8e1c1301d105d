import { quote } from '../../ssh/quote.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import { type CheckFamily, error, type Finding, ok, type Subject, warning } from './check.ts';

const supported = new Map([
  ['debian', 11],
  ['raspbian', 11],
  ['ubuntu', 20.04],
]);

/** Operating system, init, architecture, control groups, kernel, clock, shell. */
export const systemChecks: CheckFamily = (subject) => [
  operatingSystem(subject),
  subject.facts.systemd === false
    ? error('systemd', 'systemd does not run there', 'Use a host that systemd has booted')
    : ok('systemd', 'systemd'),
  ok('architecture', subject.facts.architecture),
  ...controlGroups(subject.facts),
  ...kernelFeatures(subject.facts),
  clock(subject.facts),
  shell(subject),
];

function operatingSystem({ facts }: Subject): Finding {
  const least = supported.get(facts.os.id);
  if (least !== undefined && (facts.os.version === '' || Number.parseFloat(facts.os.version) >= least))
    return ok('os', facts.os.pretty);
  return warning('os', `${facts.os.pretty} has not been tried`, 'Debian 11 or Ubuntu 20.04 and newer are known to work');
}

/** Raspberry Pi OS boots with the memory controller off. */
function controlGroups({ cgroup, controllers, boot }: HostFacts): Finding[] {
  const needed = ['cpu', 'cpuset', 'memory', 'pids'];
  // A kernel that names none has not said that it has none.
  const missing = controllers.length === 0 ? [] : needed.filter((name) => !controllers.includes(name));
  if (missing.length === 0) return [ok('cgroup', cgroup)];
  const flags = ['cgroup_enable=cpuset', 'cgroup_enable=memory', 'cgroup_memory=1'];
  const absent = flags.filter((flag) => !boot.parameters.includes(flag));
  const file = boot.file ?? 'the boot loader’s kernel command line (GRUB_CMDLINE_LINUX in /etc/default/grub)';
  const names = missing.join(' and ');
  return [
    error(
      'cgroup',
      `the control group controller${missing.length > 1 ? 's' : ''} ${names} ${missing.length > 1 ? 'are' : 'is'} switched off${boot.board ? ` on this ${boot.board}` : ''}`,
      `Add "${absent.join(' ') || `cgroup_enable=${missing[0]}`}" to the one line of ${file} and reboot`,
    ),
  ];
}

const features: Record<string, { severity: 'error' | 'warning'; purpose: string }> = {
  overlay: { severity: 'error', purpose: 'containers are stored on' },
  bridge: { severity: 'error', purpose: 'pods are connected by' },
  veth: { severity: 'error', purpose: 'pods are connected by' },
  // Without it, packets between pods of one node do not pass iptables; routes between nodes work all the same.
  br_netfilter: { severity: 'warning', purpose: 'Services are reached through from pods on the same node' },
  nf_tables: { severity: 'error', purpose: 'kube-proxy directs Services by' },
};

const kernelFeatures = (facts: HostFacts): Finding[] =>
  Object.entries(features).map(([name, { severity, purpose }]) => {
    const state = facts.features[name] ?? 'unknown';
    if (state !== 'missing') return ok(`kernel-${name}`, state);
    return {
      id: `kernel-${name}`,
      severity,
      evidence: `its kernel ${facts.kernel} has no ${name}, which ${purpose}`,
      remedy: `Install the package with the kernel's other modules (on Ubuntu linux-modules-extra-${facts.kernel}), or reboot into the kernel whose modules are installed`,
    };
  });

/** Certificates are not valid before they were made, and a token of kubeadm's ends by the clock. */
const mostOffsetS = 120;

function clock({ clockOffsetS, timeKeeper, container }: HostFacts): Finding {
  const offset = Math.abs(clockOffsetS);
  const way = clockOffsetS > 0 ? 'ahead of' : 'behind';
  const keeper = timeKeeper ?? (container === null ? 'nothing' : `nothing but what ${container} runs on`);
  const remedy =
    timeKeeper === null
      ? 'Turn time synchronisation on: timedatectl set-ntp true (or install systemd-timesyncd or chrony)'
      : `See why ${timeKeeper} does not: timedatectl timesync-status, or chronyc tracking`;
  if (offset > mostOffsetS)
    return error(
      'clock',
      `its clock is ${duration(offset)} ${way} this computer's, and ${keeper} sets it: certificates would not be valid`,
      remedy,
    );
  // The clocks are compared over SSH: a fraction of a second means nothing.
  if (offset > 2) return warning('clock', `its clock is ${offset.toFixed(1)} s ${way} this computer's`, remedy);
  return ok('clock', `${clockOffsetS} s, set by ${keeper}`);
}

function duration(seconds: number): string {
  if (seconds < 600) return `${seconds.toFixed(0)} s`;
  return seconds < 5400 ? `${(seconds / 60).toFixed(0)} minutes` : `${(seconds / 3600).toFixed(1)} hours`;
}

const slowShellMs = 1500;

function shell({ host, facts: { hostname, knowsOwnName, shellStartMs } }: Subject): Finding {
  if (shellStartMs <= slowShellMs) return ok('shell', `${shellStartMs} ms`);
  const slow = `a shell takes ${(shellStartMs / 1000).toFixed(1)} s to start, and with it every command`;
  const files = `See what ~/.bashrc of ${host.user ?? 'its user'} does in non-interactive shells, and UseDNS in sshd_config`;
  if (knowsOwnName) return warning('shell', slow, files);
  return warning(
    'shell',
    `${slow}; it does not know its own name ${hostname}, which sudo asks a name server for each time`,
    `On ${host.name}: echo ${quote(`127.0.1.1 ${hostname}`)} | sudo tee -a /etc/hosts. If that does not help: ${files.replace('See', 'see')}`,
  );
}
