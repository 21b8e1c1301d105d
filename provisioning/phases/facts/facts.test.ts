import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../run/failure.ts';
import { factsScript, parseFacts } from '../facts.ts';
import { checkHosts } from '../preflight.ts';
import { exampleTestbed } from '../support/context-double.ts';
import { describeNode } from './describe-node.ts';

const testbed = exampleTestbed();
const host = testbed.hosts[1]!;

const said = `time 1795447619.758000000
hostname master-1
own-name unknown
os.id ubuntu
os.version 22.04
os.pretty Ubuntu 22.04.4 LTS
kernel 5.15.0-105-generic
machine aarch64
cgroup v2
controllers cpuset cpu io pids
boot console=serial0,115200 root=PARTUUID=1 rootwait
boot-file /boot/firmware/cmdline.txt
board Raspberry Pi 4 Model B Rev 1.4
machine-id 3D1219c7c4c5404aaa1f6d2a48adfda4
product-uuid 00000000-0000-0000-0000-000000000000
feature overlay loadable
feature br_netfilter nonsense
systemd yes
cores 4
memory 6000000
memory-available 5000000
memory-limit 9223372036854771712
memory-limit 1073741824
path /
path /tmp
path /var
blocks Filesystem 1024-blocks Used Available Capacity Mounted on
blocks /dev/mmcblk0p2 60000000 20000000 40000000 34% /
blocks tmpfs 1000 1000 0 100% /tmp
blocks /dev/mmcblk0p2 60000000 20000000 40000000 34% /
inodes Filesystem Inodes IUsed IFree IUse% Mounted on
inodes /dev/mmcblk0p2 1000 100 900 10% /
inodes tmpfs 0 0 0 - /tmp
inodes /dev/mmcblk0p2 1000 100 900 10% /
read-only /tmp
swap yes
address lo 127.0.0.1/8
address eth0 10.77.0.11/24
address cni0 10.12.0.1/24
address eth0 fe80::1/64
route default via 10.77.0.1 dev eth0 proto dhcp
route 10.77.0.0/24 dev eth0 proto kernel scope link src 10.77.0.11
route 10.12.0.0/24 dev cni0 proto kernel scope link
interface eth0 ethernet 52:54:00:00:00:01 up 1000
interface wlan0 wifi - down -1
interface vethab virtual 52:54:00:00:00:02 up 10000
listen LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=80,fd=3))
listen LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=80,fd=4))
listen LISTEN 0 4096 *:6443 *:* users:(("node",pid=90,fd=4))
listen LISTEN 0 4096 *:10250 *:* users:(("kubelet",pid=91,fd=4))
listen LISTEN 0 4096 *:2379 *:* users:(("etcd",pid=92,fd=4))
program lrwxrwxrwx 1 root root 0 Nov 23 18:00 /proc/80/exe -> /usr/sbin/sshd
program lrwxrwxrwx 1 root root 0 Nov 23 18:00 /proc/90/exe -> /opt/mlsysops/node/bin/node
program lrwxrwxrwx 1 root root 0 Nov 23 18:00 /proc/91/exe -> /usr/bin/kubelet
program lrwxrwxrwx 1 root root 0 Nov 23 18:00 /proc/92/exe -> /usr/bin/python3
group 80 0::/system.slice/ssh.service
group 91 0::/system.slice/other.service
group 92 0::/kubepods.slice/pod1
name-server 10.77.0.1
forwarding off
cpu Cortex A72: 4 cores
frequency-khz 600000
frequency-khz 1800000
gpu 0x1a03 0x2000 - ASPEED Graphics
gpu 0x1002 0x73df 8589934592 AMD Navi 22
rapl 15000000 package-0
battery 50000000 BAT0
mains 1
running kubelet 91 /usr/bin/kubelet
running systemd-timesyn 40 /usr/lib/systemd/systemd-timesyncd
container-of moby
container-of moby
cni 05-cilium.conf
missing conntrack
missing socat
apt yes
runtime containerd 1.7.24-0ubuntu1~22.04.2
runtime-offered runc 1.1.12-0ubuntu2~22.04.1
package-source deb [arch=arm64] http://ports.ubuntu.com/ubuntu jammy main
package-source URIs: http://ports.ubuntu.com/ubuntu
forward-drop ip filter FORWARD
forward-drop inet site forward
proxy /etc/environment:https_proxy="http://user:secret@proxy.lab:3128/"
python 3.9.2 - /usr/bin/python3
end
`;
const parse = (stdout: string) => parseFacts(host, { stdout, beganAt: 1795447617758, startMs: 12.4 });

describe('facts', () => {
  it('are read from what a host says of itself', () => {
    const root = { mount: '/', device: '/dev/mmcblk0p2', sizeBytes: 61_440_000_000, freeBytes: 40_960_000_000 };
    expect(parse(said)).toEqual({
      hostname: 'master-1',
      os: { id: 'ubuntu', version: '22.04', pretty: 'Ubuntu 22.04.4 LTS' },
      kernel: '5.15.0-105-generic',
      architecture: 'arm64',
      cgroup: 'v2',
      controllers: ['cpuset', 'cpu', 'io', 'pids'],
      boot: {
        parameters: ['console=serial0,115200', 'root=PARTUUID=1', 'rootwait'],
        file: '/boot/firmware/cmdline.txt',
        board: 'Raspberry Pi 4 Model B Rev 1.4',
      },
      // Zeros are no identity.
      knowsOwnName: false,
      identity: { machineId: '3d1219c7c4c5404aaa1f6d2a48adfda4', productUuid: null },
      cpuModel: 'Cortex A72: 4 cores',
      cores: 4,
      memoryBytes: 6_144_000_000,
      memoryAvailableBytes: 5_120_000_000,
      memoryLimitBytes: 1_073_741_824,
      diskFreeBytes: 40_960_000_000,
      mounts: [
        { path: '/', ...root, freeInodes: 0.9, readOnly: false },
        { path: '/tmp', mount: '/tmp', device: 'tmpfs', sizeBytes: 1_024_000, freeBytes: 0, freeInodes: null, readOnly: true },
      ],
      swap: true,
      clockOffsetS: 2,
      timeKeeper: 'systemd-timesyncd',
      container: null,
      virtualMachine: null,
      addresses: ['127.0.0.1', '10.77.0.11', 'fe80::1'],
      interfaces: [
        { name: 'eth0', kind: 'ethernet', macAddress: '52:54:00:00:00:01', up: true, speedMbps: 1000 },
        { name: 'wlan0', kind: 'wifi', macAddress: null, up: false, speedMbps: null },
      ],
      routes: [
        { destination: '0.0.0.0/0', device: 'eth0', via: '10.77.0.1' },
        { destination: '10.77.0.0/24', device: 'eth0', via: null },
      ],
      nameServers: ['10.77.0.1'],
      listening: [
        { port: 22, process: 'sshd', pid: 80, ours: false },
        { port: 6443, process: 'node', pid: 90, ours: true },
        { port: 10250, process: 'kubelet', pid: 91, ours: false },
        { port: 2379, process: 'etcd', pid: 92, ours: true },
      ],
      listeningUdp: [],
      forwarding: 'off',
      features: { overlay: 'loadable' },
      proxies: [{ file: '/etc/environment', url: 'http://…@proxy.lab:3128/' }],
      python: { version: '3.9.2', pandas: null, path: '/usr/bin/python3' },
      found: [
        { kind: 'kubernetes', evidence: 'kubelet runs, pid 91', running: true },
        { kind: 'docker', evidence: '2 containers of Docker run there', running: true },
        { kind: 'cni-configuration', evidence: '/etc/cni/net.d/05-cilium.conf', running: false },
        { kind: 'forward-drop', evidence: 'the policy of nftables chain "inet site forward" is drop', running: true },
      ],
      runtime: {
        apt: true,
        containerd: { installed: '1.7.24-0ubuntu1~22.04.2', offered: null },
        runc: { installed: null, offered: '1.1.12-0ubuntu2~22.04.1' },
        'cni-plugins': { installed: null, offered: null },
      },
      packages: { missing: ['conntrack', 'socat'], sources: ['http://ports.ubuntu.com'] },
      hardware: {
        frequenciesGhz: [0.6, 1.8],
        diskBytes: 61_440_000_000,
        gpus: [{ model: 'AMD Navi 22', memoryBytes: 8_589_934_592 }],
        rapl: [{ name: 'package-0', mostW: 15 }],
        batteries: [{ name: 'BAT0', fullWh: 50 }],
        powerSensors: [],
        mains: true,
      },
      systemd: true,
      shellStartMs: 12,
    });
  });

  it('that make no sense, or of another architecture, are a failure with a remedy that names the host', () => {
    for (const stdout of ['', said.replace('aarch64', 'mips'), said.replace('cores 4', 'cores many'), said.replace('end\n', '')])
      expect(() => parse(stdout)).toThrow(/^master-1, facts: .*\. (Is it a Linux|Use a host with)/);
  });

  it('of any kind end in facts that can be checked and described, or in a failure of that host', () => {
    const names = [...new Set(said.split('\n').map((line) => line.split(' ')[0]!))];
    const word = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.constantFrom('-', '0', '-1', '1e999', '__proto__', 'constructor', '10.0.0.0/99', '999.1.1.1/8', '/', '%', '\u0000'),
      fc.constantFrom(...said.split(/\s+/)),
    );
    const line = fc
      .tuple(fc.oneof(fc.constantFrom(...names), word), fc.array(word, { maxLength: 8 }))
      .map(([name, words]) => `${name} ${words.join(' ')}`);
    const change = fc.record({ at: fc.nat(said.split('\n').length), lines: fc.array(line, { maxLength: 3 }), remove: fc.nat(2) });
    let understood = 0;
    fc.assert(
      fc.property(fc.array(change, { maxLength: 6 }), (changes) => {
        const lines = said.split('\n');
        for (const { at, lines: others, remove } of changes) lines.splice(at, remove, ...others);
        try {
          const facts = parse(lines.join('\n'));
          understood++;
          for (const check of checkHosts(testbed, new Map([[host.name, facts]]))) {
            expect(check.evidence).not.toMatch(/undefined|NaN|\[object/);
            // biome-ignore lint/suspicious/noControlCharactersInRegex: they could move the cursor of who reads it
            expect(check.evidence).not.toMatch(/[\u0000-\u001f]/);
          }
          describeNode(facts, host);
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          expect(error.value).toMatchObject({ host: 'master-1', phase: 'facts', code: 'preflight' });
        }
      }),
      { numRuns: 40 },
    );
    expect(understood).toBeGreaterThan(0);
  });

  it('are asked for by a script that any POSIX shell takes', () => {
    const { status, stderr } = spawnSync('/bin/sh', ['-n'], { input: factsScript, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
