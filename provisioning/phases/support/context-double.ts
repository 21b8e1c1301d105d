import { createHash } from 'node:crypto';
import type { HostFacts, RunContext } from '../../run/phase.ts';
import { type Host, type Testbed, testbedSchema } from '../../testbed/schema.ts';

/** For unit tests: a testbed of four hosts that are not there, and a run context that answers for them. */

export const exampleTestbed = (artefacts: { bundle?: string; mirror?: string } = {}, kubernetes: object = {}): Testbed =>
  testbedSchema.parse({
    name: 'lab',
    kind: 'hosts',
    hosts: [
      { name: 'management', address: '10.77.0.10', role: 'management', cluster: 'management' },
      { name: 'master-1', address: '10.77.0.11', role: 'master', cluster: 'cluster1' },
      { name: 'worker-1', address: '10.77.0.12', role: 'worker', cluster: 'cluster1', labels: { 'mlsysops.eu/site': 'roof' } },
      { name: 'worker-2', address: '10.77.0.13', role: 'worker', cluster: 'cluster1' },
    ],
    clusters: {
      management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' },
      cluster1: { podCidr: '10.12.0.0/16', serviceCidr: '10.13.0.0/16' },
    },
    kubernetes,
    artefacts,
  });

export const exampleFacts = (host: Host, over: Partial<HostFacts> = {}): HostFacts => ({
  hostname: host.name,
  os: { id: 'debian', version: '12', pretty: 'Debian GNU/Linux 12' },
  kernel: '6.1.0',
  architecture: 'amd64',
  cgroup: 'v2',
  controllers: ['cpuset', 'cpu', 'io', 'memory', 'pids'],
  boot: { parameters: ['quiet'], file: null, board: null },
  knowsOwnName: true,
  identity: { machineId: createHash('md5').update(host.name).digest('hex'), productUuid: null },
  cpuModel: 'example',
  cores: 4,
  memoryBytes: 6e9,
  memoryAvailableBytes: 5e9,
  memoryLimitBytes: null,
  diskFreeBytes: 5e10,
  mounts: ['/', '/var/lib/containerd', '/tmp'].map((path) => ({
    path,
    mount: '/',
    device: '/dev/sda1',
    sizeBytes: 1e11,
    freeBytes: 5e10,
    freeInodes: 0.9,
    readOnly: false,
  })),
  swap: false,
  clockOffsetS: 0,
  timeKeeper: 'systemd-timesyncd',
  container: null,
  virtualMachine: null,
  addresses: ['127.0.0.1', host.address],
  interfaces: [{ name: 'eth0', kind: 'ethernet', macAddress: '52:54:00:00:00:01', up: true, speedMbps: 1000 }],
  routes: [
    { destination: '0.0.0.0/0', device: 'eth0', via: '10.77.0.1' },
    { destination: '10.77.0.0/24', device: 'eth0', via: null },
  ],
  nameServers: ['10.77.0.1'],
  listening: [],
  listeningUdp: [],
  forwarding: 'off',
  features: { overlay: 'loadable', br_netfilter: 'loadable', nf_tables: 'ready' },
  proxies: [],
  python: { path: '/usr/bin/python3', version: '3.11.2', pandas: null },
  found: [],
  packages: { missing: [], sources: ['http://deb.debian.org'] },
  hardware: {
    frequenciesGhz: [1.2, 3.6],
    diskBytes: 1e11,
    gpus: [],
    rapl: [],
    batteries: [],
    powerSensors: [],
    mains: null,
  },
  systemd: true,
  shellStartMs: 3,
  ...over,
});

/** Scripts are not run: `answer` says what they would have given. */
export function contextDouble(
  testbed: Testbed,
  stateFolder: string,
  answer: (host: string, script: string) => string = () => '',
  facts: Partial<HostFacts> = {},
): RunContext & { executed: { host: string; script: string }[] } {
  const executed: { host: string; script: string }[] = [];
  return {
    executed,
    testbed,
    facts: new Map(testbed.hosts.map((host) => [host.name, exampleFacts(host, facts)])),
    execute: async (host, script) => {
      executed.push({ host, script });
      return answer(host, script);
    },
    forward: () => Promise.reject(new Error('no host to forward to')),
    warn: () => {},
    log: () => {},
    stateFolder,
    hasChanged: () => false,
    signal: new AbortController().signal,
  };
}
