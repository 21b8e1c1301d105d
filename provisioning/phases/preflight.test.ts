import { describe, expect, it } from 'vitest';
import { Failure } from '../run/failure.ts';
import type { HostFacts } from '../run/phase.ts';
import { parseFacts } from './facts.ts';
import { checkHosts, checkPaths, pathsOf } from './preflight.ts';
import { exampleFacts, exampleTestbed } from './support/context-double.ts';

const testbed = exampleTestbed();
const [management, master] = testbed.hosts as [(typeof testbed.hosts)[0], (typeof testbed.hosts)[0]];

const said = `time 1795447619.758000000
hostname master-1
os.id ubuntu
os.version 22.04
os.pretty Ubuntu 22.04.4 LTS
kernel 5.15.0-105-generic
machine aarch64
cgroup cgroup2fs
cpu Cortex A72: 4 cores
cores 4
memory 6000000
disk 40000000
swap yes
systemd yes
address lo 127.0.0.1/8
address eth0 10.77.0.11/24
address cni0 10.12.0.1/24
address eth0 fe80::1/64
listen LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=80,fd=3))
listen LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=80,fd=4))
listen LISTEN 0 4096 *:6443 *:* users:(("node",pid=90,fd=4))
listen LISTEN 0 4096 *:10250 *:* users:(("kubelet",pid=91,fd=4))
process 80 /usr/sbin/sshd 0::/system.slice/ssh.service,
process 90 /opt/mlsysops/node/bin/node 0::/system.slice/x.service,
process 91 /usr/bin/kubelet 0::/system.slice/other.service,
end
`;

describe('facts', () => {
  it('are read from what a host says of itself', () => {
    expect(parseFacts(master, { stdout: said, beganAt: 1795447617758, startMs: 12.4 })).toEqual({
      hostname: 'master-1',
      os: { id: 'ubuntu', version: '22.04', pretty: 'Ubuntu 22.04.4 LTS' },
      kernel: '5.15.0-105-generic',
      architecture: 'arm64',
      cgroup: 'v2',
      cpuModel: 'Cortex A72: 4 cores',
      cores: 4,
      memoryBytes: 6_144_000_000,
      diskFreeBytes: 40_960_000_000,
      swap: true,
      clockOffsetS: 2,
      container: null,
      addresses: ['127.0.0.1', '10.77.0.11', 'fe80::1'],
      listening: [
        { port: 22, process: 'sshd', pid: 80, ours: false },
        { port: 6443, process: 'node', pid: 90, ours: true },
        { port: 10250, process: 'kubelet', pid: 91, ours: false },
      ],
      systemd: true,
      shellStartMs: 12,
    });
  });

  it('that make no sense, or of another architecture, are a failure with a remedy', () => {
    for (const stdout of ['', said.replace('aarch64', 'mips'), said.replace('cores 4', 'cores many'), said.replace('end\n', '')])
      expect(() => parseFacts(master, { stdout, beganAt: 0, startMs: 0 })).toThrow(Failure);
  });
});

describe('preflight', () => {
  const findings = (over: Partial<HostFacts>) => {
    const facts = new Map(testbed.hosts.map((host) => [host.name, exampleFacts(host, host === master ? over : {})]));
    return checkHosts(testbed, facts).flatMap(({ host, id, severity }) =>
      severity === 'ok' ? [] : [`${host} ${id} ${severity}`],
    );
  };

  it('is content with hosts as they should be', () => {
    expect(findings({})).toEqual([]);
    expect(findings({ listening: [{ port: 6443, process: 'kube-apiserver', pid: 1, ours: true }] })).toEqual([]);
    // Swap in a container is the outer machine's.
    expect(findings({ swap: true, container: 'systemd-nspawn' })).toEqual([]);
  });

  it('finds what would make a run fail, and what only may', () => {
    const cases: [Partial<HostFacts>, string[]][] = [
      [{ listening: [{ port: 6443, process: 'nginx', pid: 7, ours: false }] }, ['master-1 port-6443 error']],
      [{ listening: [{ port: 8000, process: 'python3', ours: false }] }, []],
      [{ clockOffsetS: -3600 }, ['master-1 clock error']],
      [{ clockOffsetS: 5 }, ['master-1 clock warning']],
      [{ systemd: false }, ['master-1 systemd error']],
      [{ os: { id: 'fedora', version: '40', pretty: 'Fedora 40' } }, ['master-1 os warning']],
      [
        { memoryBytes: 1e9, cores: 1, diskFreeBytes: 5e8 },
        ['master-1 memory warning', 'master-1 disk error', 'master-1 cores warning'],
      ],
      [{ addresses: ['10.13.0.9'] }, ['master-1 cidr error']],
      [{ hostname: 'worker-1' }, ['master-1 hostname error', 'worker-1 hostname error']],
      [{ shellStartMs: 9000 }, ['master-1 shell warning']],
    ];
    for (const [over, expected] of cases) expect(findings(over), JSON.stringify(over)).toEqual(expected);
  });

  it('tells a silent way between hosts from a port that is only closed', () => {
    const paths = pathsOf(testbed, (host) => host.address).filter(
      (path) => path.from === management.name && path.to === master.name,
    );
    expect(paths.map(({ port }) => port)).toEqual([22, 6443]);
    expect(checkPaths(paths, 'noise\nreach 0 open\nreach 1 closed\n').map(({ severity }) => severity)).toEqual(['ok', 'ok']);
    expect(checkPaths(paths, 'reach 0 open\nreach 1 silent\n')[1]).toMatchObject({
      severity: 'warning',
      host: 'management',
      remedy: 'Open port 6443 of master-1 to management, in firewalls on the way too',
    });
    expect(checkPaths(paths, 'untestable\n').every(({ severity }) => severity === 'ok')).toBe(true);
  });
});
