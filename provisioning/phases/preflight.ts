import { isIPv4 } from 'node:net';
import type { HostFacts } from '../run/phase.ts';
import { cidrContains } from '../testbed/cidr.ts';
import type { Host, Testbed } from '../testbed/schema.ts';

export const preflightPhase = { id: 'preflight', title: 'Preflight' } as const;

export interface Check {
  id: string;
  host: string;
  severity: 'ok' | 'warning' | 'error';
  /** What was found. */
  evidence: string;
  remedy?: string;
}

const gib = 1024 ** 3;
const size = (bytes: number): string => `${(bytes / gib).toFixed(1)} GiB`;

/** Everything that the facts alone can tell, before anything is changed. */
export function checkHosts(testbed: Testbed, facts: ReadonlyMap<string, HostFacts>): Check[] {
  return testbed.hosts.flatMap((host) => {
    const of = facts.get(host.name);
    if (of === undefined) return [];
    return [
      ...systemChecks(host, of),
      ...resourceChecks(host, of),
      ...portChecks(host, of),
      ...networkChecks(host, of, testbed),
      ...nameChecks(host, of, facts),
    ];
  });
}

type Finding = Omit<Check, 'host'>;
const ok = (id: string, evidence: string): Finding => ({ id, severity: 'ok', evidence });
const on = (host: Host, findings: Finding[]): Check[] => findings.map((finding) => ({ ...finding, host: host.name }));

const supported = new Map([
  ['debian', 11],
  ['ubuntu', 20.04],
]);

function systemChecks(host: Host, facts: HostFacts): Check[] {
  const least = supported.get(facts.os.id);
  const known = least !== undefined && (facts.os.version === '' || Number(facts.os.version) >= least);
  const offset = Math.abs(facts.clockOffsetS);
  return on(host, [
    known
      ? ok('os', facts.os.pretty)
      : {
          id: 'os',
          severity: 'warning',
          evidence: `${facts.os.pretty} has not been tried`,
          remedy: 'Debian 11 or Ubuntu 20.04 and newer are known to work',
        },
    facts.systemd === false
      ? { id: 'systemd', severity: 'error', evidence: 'systemd does not run there', remedy: 'Use a host that systemd has booted' }
      : ok('systemd', 'systemd'),
    ok('architecture', facts.architecture),
    ok('cgroup', facts.cgroup),
    // The clocks are compared over SSH: a fraction of a second means nothing.
    offset > 120
      ? {
          id: 'clock',
          severity: 'error',
          evidence: `its clock is ${offset.toFixed(0)} s ${facts.clockOffsetS > 0 ? 'ahead of' : 'behind'} this computer's: certificates would not be valid`,
          remedy: 'Turn time synchronisation on: timedatectl set-ntp true',
        }
      : offset > 2
        ? {
            id: 'clock',
            severity: 'warning',
            evidence: `its clock is ${offset.toFixed(1)} s off`,
            remedy: 'Turn time synchronisation on: timedatectl set-ntp true',
          }
        : ok('clock', `${facts.clockOffsetS} s`),
    facts.shellStartMs > 2000
      ? {
          id: 'shell',
          severity: 'warning',
          evidence: `a shell takes ${(facts.shellStartMs / 1000).toFixed(1)} s to start, and with it every command`,
          remedy: `See what ~/.bashrc of ${host.user} does in non-interactive shells, or UseDNS in sshd_config`,
        }
      : ok('shell', `${facts.shellStartMs} ms`),
    facts.swap && facts.container === null
      ? { id: 'swap', severity: 'ok', evidence: 'swap is on; it will be turned off' }
      : ok('swap', 'no swap of its own'),
  ]);
}

function resourceChecks(host: Host, facts: HostFacts): Check[] {
  const leastMemory = host.role === 'worker' ? 0.7 : 1.7;
  return on(host, [
    facts.memoryBytes < leastMemory * gib
      ? {
          id: 'memory',
          severity: 'warning',
          evidence: `${size(facts.memoryBytes)} of memory`,
          remedy: `A ${host.role} host wants ${leastMemory} GiB at least`,
        }
      : ok('memory', size(facts.memoryBytes)),
    facts.diskFreeBytes < gib
      ? { id: 'disk', severity: 'error', evidence: `${size(facts.diskFreeBytes)} free under /var`, remedy: 'Free 10 GiB' }
      : facts.diskFreeBytes < 10 * gib
        ? { id: 'disk', severity: 'warning', evidence: `${size(facts.diskFreeBytes)} free under /var`, remedy: 'Free 10 GiB' }
        : ok('disk', `${size(facts.diskFreeBytes)} free`),
    host.role !== 'worker' && facts.cores < 2
      ? { id: 'cores', severity: 'warning', evidence: 'one core', remedy: 'A control plane wants two' }
      : ok('cores', String(facts.cores)),
  ]);
}

/** What has to be free, by role, and who will listen there. */
const portsOf: Record<Host['role'], [number, string][]> = {
  management: [
    [6443, 'the Kubernetes API'],
    [2379, 'etcd'],
    [10250, 'kubelet'],
    [4222, 'the message bus'],
    [7422, "the message bus' leaves"],
    [8000, 'the northbound API'],
  ],
  master: [
    [6443, 'the Kubernetes API'],
    [2379, 'etcd'],
    [10250, 'kubelet'],
    [4222, 'the message bus'],
  ],
  worker: [[10250, 'kubelet']],
};

const portChecks = (host: Host, facts: HostFacts): Check[] =>
  on(
    host,
    portsOf[host.role].map(([port, purpose]) => {
      const holder = facts.listening.find((one) => one.port === port);
      if (holder === undefined) return ok(`port-${port}`, 'free');
      if (holder.ours === true) return ok(`port-${port}`, `held by our own ${holder.process}`);
      const who = holder.pid === undefined ? holder.process : `${holder.process} (pid ${holder.pid})`;
      return {
        id: `port-${port}`,
        severity: 'error',
        evidence: `port ${port}, which ${purpose} needs, is held by ${who}`,
        remedy: `Stop ${holder.process} on ${host.name} (ss -ltnp sport = :${port} shows it), then run again`,
      };
    }),
  );

function networkChecks(host: Host, facts: HostFacts, testbed: Testbed): Check[] {
  const overlaps = Object.entries(testbed.clusters).flatMap(([cluster, { podCidr, serviceCidr }]) =>
    [podCidr, serviceCidr].flatMap((cidr) =>
      facts.addresses
        .filter((address) => isIPv4(address) && cidrContains(cidr, address))
        .map((address) => ({ cluster, cidr, address })),
    ),
  );
  const [first] = overlaps;
  if (first === undefined) return on(host, [ok('cidr', 'no address of the host lies in a CIDR of the testbed')]);
  return on(host, [
    {
      id: 'cidr',
      severity: 'error',
      evidence: `its address ${first.address} lies in ${first.cidr} of ${first.cluster}`,
      remedy: `Choose another CIDR for ${first.cluster} in the testbed file`,
    },
  ]);
}

function nameChecks(host: Host, facts: HostFacts, all: ReadonlyMap<string, HostFacts>): Check[] {
  const twins = [...all].filter(([name, other]) => name !== host.name && other.hostname === facts.hostname).map(([name]) => name);
  if (twins.length === 0) return on(host, [ok('hostname', facts.hostname)]);
  return on(host, [
    {
      id: 'hostname',
      severity: 'error',
      evidence: `it calls itself ${facts.hostname}, as ${twins.join(' and ')} does: are they one machine?`,
      remedy: `Give each its own name: hostnamectl set-hostname ${host.name}`,
    },
  ]);
}

/** A TCP connection that the testbed will need between two hosts. */
export interface Path {
  from: string;
  to: string;
  address: string;
  port: number;
}

/** Who must reach whom: SSH's own port tells whether there is a way at all, the others whether a firewall stands in it. */
export function pathsOf(testbed: Testbed, addressOf: (host: Host) => string): Path[] {
  const management = testbed.hosts.find((host) => host.role === 'management');
  return testbed.hosts.flatMap((from) =>
    testbed.hosts.flatMap((to) => {
      if (from === to) return [];
      const ports = [to.port];
      const sameCluster = from.cluster === to.cluster;
      if (to.role !== 'worker' && (sameCluster || from === management)) ports.push(6443);
      if (to === management && from.role === 'master') ports.push(7422);
      if (to.role === 'master' && sameCluster) ports.push(4222);
      return ports.map((port) => ({ from: from.name, to: to.name, address: addressOf(to), port }));
    }),
  );
}

/** Tries all paths of one host at once; says "reach <index> <answer>". A closed port answers too: what counts is that there is an answer. */
export const reachScript = (paths: readonly Path[]): string => `
command -v bash >/dev/null && command -v timeout >/dev/null || { echo untestable; exit 0; }
${paths
  .map(
    ({ address, port }, index) =>
      `( said=$(timeout 3 bash -c ': </dev/tcp/${address}/${port}' 2>&1); code=$?; case "$code $said" in 0*) echo reach ${index} open;; 124*) echo reach ${index} silent;; *refused*) echo reach ${index} closed;; *) echo reach ${index} none;; esac ) &`,
  )
  .join('\n')}
wait
`;

export function checkPaths(paths: readonly Path[], stdout: string): Check[] {
  const answers = new Map(
    stdout.split('\n').flatMap((line) => {
      const [word, index, answer] = line.split(' ');
      return word === 'reach' && answer !== undefined ? [[Number(index), answer] as const] : [];
    }),
  );
  return paths.map((path, index) => {
    const answer = answers.get(index);
    const id = `reach-${path.to}-${path.port}`;
    if (answer === undefined) return { id, host: path.from, severity: 'ok', evidence: 'could not be tried from there' };
    if (answer === 'open' || answer === 'closed') return { id, host: path.from, severity: 'ok', evidence: answer };
    return {
      id,
      host: path.from,
      severity: 'warning',
      evidence: `it gets no answer from ${path.to} at ${path.address} port ${path.port}${answer === 'none' ? ' (no route)' : ''}`,
      remedy: `Open port ${path.port} of ${path.to} to ${path.from}, in firewalls on the way too`,
    };
  });
}
