import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import type { RunEvent } from '../../provisioning/run/events.ts';
import type { Phase } from '../../provisioning/run/phase.ts';
import { startRun } from '../../provisioning/run/run.ts';
import { KnownHosts } from '../../provisioning/ssh/known-hosts.ts';
import { testbedSchema } from '../../provisioning/testbed/schema.ts';
import { type BenchHosts, makeHosts } from './hosts.ts';

/**
 * 40 hosts at once against four: memory of the engine, and time. The hosts are sshds on one real host, each with a network, a machine id, a name
 * and a /run of its own. What they do is waiting (10 steps of 2 s), as they share the processors of this computer.
 */
const many = 40;
const few = 4;
const stepCount = 10;
const stepS = 2;
const targets = { rssMb: 300, ratio: 2 };

const say = (text: string) => stdout.write(`${text}\n`);

/** Gives one host as many faces as are wanted. @returns their addresses */
async function makeFaces(hosts: BenchHosts): Promise<string[]> {
  const [host] = hosts.targets;
  if (host === undefined) throw new Error('there is no host');
  const network = host.address.split('.').slice(0, 3).join('.');
  const addresses = Array.from({ length: many }, (_, index) => `${network}.${100 + index}`);
  const script = addresses.map(
    (address, index) => `ip netns add face-${index}
ip link add v${index} type veth peer name eth0 netns face-${index}
ip link set v${index} up
sysctl -qw net.ipv4.conf.v${index}.proxy_arp=1
ip route add ${address}/32 dev v${index}
ip -n face-${index} link set lo up
ip -n face-${index} link set eth0 up
ip -n face-${index} address add ${address}/32 dev eth0
ip -n face-${index} route add ${host.address} dev eth0
ip -n face-${index} route add default via ${host.address}
systemd-run -q --unit=face-${index} -p NetworkNamespacePath=/run/netns/face-${index} unshare --mount --uts sh -c '
set -e
head -c 16 /dev/urandom | od -An -tx1 | tr -d " \\n" >/var/tmp/machine-id-${index}; echo >>/var/tmp/machine-id-${index}
mount --bind /var/tmp/machine-id-${index} /etc/machine-id
hostname face-${index}
# sudo looks its host up: as a host has it, and not 40 times at once from whoever answers for names here.
printf "127.0.0.1 localhost\\n127.0.1.1 face-${index}\\n" >/var/tmp/hosts-${index}
mount --bind /var/tmp/hosts-${index} /etc/hosts
mkdir -p /var/tmp/systemd-${index}
mount --bind /run/systemd /var/tmp/systemd-${index}
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd /run/systemd
mount --bind /var/tmp/systemd-${index} /run/systemd
exec /usr/sbin/sshd -D -e -o ListenAddress=${address}:2200 -o PidFile=none -o MaxStartups=100:30:200'`,
  );
  await hosts.ssh(
    host,
    `device=$(ip -o -4 address | awk '/ ${host.address.replaceAll('.', '\\.')}\\// { print $2; exit }')
# As an installed Debian has it: its list of packages need not be read anew by each.
rm -f /etc/apt/apt.conf.d/docker-clean; apt-cache gencaches
sysctl -qw net.ipv4.ip_forward=1 "net.ipv4.conf.$device.proxy_arp=1"
${script.join('\n')}
for i in $(seq 100); do
  up=0; for face in $(ip netns list | cut -d' ' -f1); do ip netns exec $face ss -Hltn 'sport = :2200' | grep -q . && up=$((up+1)); done
  [ $up -ge ${many} ] && exit 0; sleep 0.2
done
journalctl -u 'face-*' -n 20 --no-pager >&2; exit 1`,
  );
  return addresses;
}

const phases: Phase[] = ['first', 'second'].map((id) => ({
  id,
  title: id,
  steps: () =>
    Array.from({ length: stepCount / 2 }, (_, index) => ({
      id: `step-${index}`,
      title: `Wait ${index}`,
      observe: `[ -e /run/${id}-${index} ]`,
      change: `sleep ${stepS}; : >/run/${id}-${index}`,
      undo: `rm -f /run/${id}-${index}`,
    })),
}));

async function run(hosts: BenchHosts, addresses: readonly string[], verb: 'up' | 'down') {
  const stateFolder = join(hosts.folder, `state-${addresses.length}`);
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  const failures: string[] = [];
  const took: string[] = [];
  let rss = 0;
  const watch = setInterval(() => {
    rss = Math.max(rss, process.memoryUsage.rss());
  }, 100);
  const before = process.cpuUsage();
  const finished = await startRun({
    testbed: testbedSchema.parse({
      name: 'scale',
      kind: 'hosts',
      hosts: addresses.map((address, index) => ({
        name: `face-${index}`,
        address,
        port: 2200,
        user: hosts.user,
        identityFile: hosts.identityFile,
        role: index === 0 ? 'management' : index === 1 ? 'master' : 'worker',
        cluster: index === 0 ? 'management' : 'cluster1',
      })),
      clusters: {
        management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' },
        cluster1: { podCidr: '10.12.0.0/16', serviceCidr: '10.13.0.0/16' },
      },
    }),
    phases,
    verb,
    ssh: { knownHosts: new KnownHosts(hosts.knownHostsFile), agent: null },
    stateFolder,
    onEvent: (event: RunEvent) => {
      if (event.type === 'failure') failures.push(event.failure.message);
      if (event.type === 'phase' && event.durationMs !== undefined)
        took.push(`${event.phase} ${(event.durationMs / 1000).toFixed(1)} s`);
    },
  });
  clearInterval(watch);
  const used = process.cpuUsage(before);
  say(`  ${took.join(', ')}; ${((used.user + used.system) / 1e6).toFixed(1)} s of processor for the engine`);
  if (finished.state !== 'done')
    throw new Error([finished.summary, ...failures.slice(0, 5).map((text) => text.slice(0, 300))].join('\n'));
  return { wallMs: finished.wallMs, overheadMs: finished.overheadMs, rssMb: rss / 2 ** 20, changed: finished.changed, took };
}

// Real hosts have processors of their own: the one with all the faces gets what there is.
const hosts = await makeHosts(['management'], availableParallelism());
try {
  const addresses = await makeFaces(hosts);
  hosts.trust(addresses.map((address) => ({ address, port: 2200 })));
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const told = async (count: number) => {
    const one = await run(hosts, addresses.slice(0, count), 'up');
    say(
      `${count} hosts: ${one.changed} steps in ${seconds(one.wallMs)} (${seconds(one.overheadMs)} our own), ${one.rssMb.toFixed(0)} MB`,
    );
    await run(hosts, addresses.slice(0, count), 'down');
    return one;
  };
  const small = await told(few);
  const large = await told(many);
  const ratio = large.wallMs / small.wallMs;
  say(`time: ${ratio.toFixed(2)} × that of ${few} hosts (target: at most ${targets.ratio} ×)`);
  say(`memory: ${large.rssMb.toFixed(0)} MB (target: below ${targets.rssMb} MB)`);
  process.exitCode = ratio <= targets.ratio && large.rssMb < targets.rssMb ? 0 : 1;
} finally {
  await hosts.close();
}
