import { describe, expect, it } from 'vitest';
import { parseDescription } from '../../../agents/descriptions/parse.ts';
import type { HostFacts } from '../../run/phase.ts';
import { semanticProblems } from '../../testbed/semantics.ts';
import { leafUsers } from '../bus/users.ts';
import { contextDouble, exampleTestbed } from '../support/context-double.ts';
import { agentConfiguration, layersOf, nodeDescription, nodeDescriptionFile } from './configuration.ts';

const testbed = exampleTestbed();
const host = testbed.hosts.find(({ name }) => name === 'worker-1')!;
const told = (facts: Partial<HostFacts> = {}) =>
  nodeDescription(host, contextDouble(testbed, '/nowhere', undefined, facts)) ?? '';
const hardware = {
  frequenciesGhz: [1.2, 3.6],
  diskBytes: 1e11,
  gpus: [],
  rapl: [],
  batteries: [],
  powerSensors: [],
  mains: null,
};
const pod = { name: 'veth1', kind: 'virtual' as const, macAddress: '52:54:00:00:00:02', up: true, speedMbps: null };
const own = { ...pod, name: 'host0' };

describe('the description that a node agent is given', () => {
  it('is one of its own host, as the agent reads it', () => {
    const read = parseDescription(told(), nodeDescriptionFile);
    expect(read).toMatchObject({ kind: 'MLSysOpsNode', value: { name: 'worker-1', cluster_id: 'cluster1' } });
    const configuration = agentConfiguration('node', host, contextDouble(testbed, '/nowhere'));
    expect(configuration).toMatchObject({ node: 'worker-1', descriptionFile: nodeDescriptionFile });
    expect(agentConfiguration('cluster', host, contextDouble(testbed, '/nowhere')).descriptionFile).toBeUndefined();
  });

  it('stays the same from run to run: neither the frequency of a moment nor the interfaces of pods are in it', () => {
    expect(told()).toContain('3.6');
    const at = (ghz: number) => told({ hardware: { ...hardware, frequenciesGhz: [ghz] } });
    expect(at(2.1)).toBe(at(2.3));
    const before = told({ container: 'systemd-nspawn', interfaces: [own] });
    expect(told({ container: 'systemd-nspawn', interfaces: [own, pod] })).toBe(before);
  });
});

describe('a cluster with a stand-by', () => {
  const doubled = {
    ...testbed,
    clusters: { ...testbed.clusters, cluster1: { ...testbed.clusters.cluster1!, standby: 'worker-1' } },
  };
  it('has a second agent on that host, under a name of its own that the bus lets in; both stand for election', () => {
    const context = contextDouble(doubled, '/nowhere');
    const master = testbed.hosts.find(({ name }) => name === 'master-1')!;
    expect(layersOf(host, testbed)).toEqual(['node']);
    expect(layersOf(host, doubled)).toEqual(['node', 'cluster']);
    expect(agentConfiguration('cluster', master, context)).toMatchObject({
      agent: 'cluster-cluster1',
      election: { isStandby: false },
    });
    const second = agentConfiguration('cluster', host, context);
    expect(second).toMatchObject({ agent: 'standby-cluster1', election: { isStandby: true } });
    expect(leafUsers(doubled, 'cluster1').find(({ user }) => user === 'standby-cluster1')?.publish).toContain(
      'mls.heartbeat.cluster1.cluster.standby-cluster1',
    );
    // Elsewhere it is as it was.
    const management = testbed.hosts.find(({ role }) => role === 'management')!;
    expect(agentConfiguration('cluster', management, context).election).toBeUndefined();
    expect(semanticProblems(doubled)).toEqual([]);
    doubled.clusters.cluster1.standby = 'master-1';
    expect(semanticProblems(doubled)).toEqual([
      {
        path: ['clusters', 'cluster1', 'standby'],
        text: 'master-1 is no worker of "cluster1"',
        remedy: expect.stringContaining('worker-1'),
      },
    ]);
  });
});

describe('the telemetry of a node agent', () => {
  it('takes from pods of its own cluster, and goes where the testbed says', () => {
    const otlp = { endpoint: 'https://collector.example:4318', headersFile: '/etc/mlsysops/otlp.headers' };
    const context = contextDouble({ ...testbed, telemetry: { otlp } }, '/nowhere');
    expect(agentConfiguration('node', host, context).telemetry).toMatchObject({
      openMetrics: { port: 9999 },
      receiver: { port: 43180, from: ['127.0.0.0/8', testbed.clusters.cluster1?.podCidr] },
      probe: { port: 43181 },
      otlp,
    });
    expect(agentConfiguration('node', host, contextDouble(testbed, '/nowhere')).telemetry?.otlp).toBeUndefined();
    expect(agentConfiguration('cluster', host, context).telemetry).toBeUndefined();
  });
});
