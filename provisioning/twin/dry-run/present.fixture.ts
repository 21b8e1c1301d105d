import { readFileSync } from 'node:fs';
import type { ApplicationDescription } from '../../../agents/descriptions/application.ts';
import { parseDescription } from '../../../agents/descriptions/parse.ts';
import { twinHosts } from '../hosts.ts';
import { describeTwinHost } from '../plan.ts';
import { SimulatedSignals } from '../simulation/signals.ts';
import { workloadOf } from '../simulation/workload.ts';
import { World } from '../simulation/world.ts';
import type { PastSeries, Present } from './present.ts';

const cluster = 'cluster1';
export const startAt = Date.UTC(2026, 0, 1);

export function smartCamera(): ApplicationDescription {
  const file = new URL('../../../assets/applications/smart-camera.yaml', import.meta.url);
  const parsed = parseDescription(readFileSync(file, 'utf8'), 'smart-camera.yaml');
  if (parsed.kind !== 'MLSysOpsApp') throw new Error('not an application');
  return parsed.value;
}

/** A cluster whose camera pipeline is on worker-1, with what its nodes told for so many minutes: simulated here, as no testbed is. */
export async function presentOf({ minutes = 0, perPersonMs = 22 } = {}): Promise<Present> {
  const hosts = twinHosts.filter((host) => host.cluster === cluster);
  const description = smartCamera();
  const world = new World(
    hosts.map(({ simulated }) => simulated),
    7,
  );
  if (perPersonMs !== 22)
    world.describe((_, component) =>
      component === 'classifier'
        ? {
            service: { perItemMs: perPersonMs, threads: 2 },
            sendsTo: [],
            tells: { frame_classify_latency_ms: 'latency', people_in_view: 'items', frames_total: 'served' },
          }
        : undefined,
    );
  for (const { metadata, containers = [] } of description.components)
    world.put(
      workloadOf(
        {
          metadata: {
            uid: metadata.name,
            labels: { 'mlsysops.eu/app': description.name, 'mlsysops.eu/component': metadata.name },
          },
          spec: {
            nodeName: 'worker-1',
            containers: containers.map(({ image, command }) => ({ name: metadata.name, image, ...(command && { command }) })),
          },
        },
        true,
      ),
    );
  const past = new Map<string, PastSeries>();
  const takenAt = startAt + minutes * 60_000;
  for (let now = startAt + 1000; now <= takenAt; now += 1000) {
    world.step(now, 1);
    for (const { simulated } of hosts)
      for (const { metric, value, application, component, peer, source = '' } of await new SimulatedSignals(
        world,
        simulated.name,
      ).read()) {
        const key = [metric, simulated.name, application, component, peer].join('|');
        const of = { ...(application && { application }), ...(component && { component }), ...(peer && { peer }) };
        const series = past.get(key) ?? { metric, node: simulated.name, ...of, source, times: [], values: [] };
        past.set(key, series);
        series.times.push(now);
        series.values.push(value);
      }
  }
  return {
    testbed: 'of this test',
    cluster,
    takenAt,
    nodes: hosts.map((host) => ({
      name: host.simulated.name,
      ready: true,
      unschedulable: false,
      labels: { ...host.labels, 'kubernetes.io/hostname': host.simulated.name, 'kubernetes.io/arch': 'amd64' },
      taints: host.taints.map(({ key, value = '', effect }) => ({ key, value, effect })),
      cores: host.simulated.cores,
      memoryBytes: host.simulated.memoryBytes,
      agentAlive: true,
      description: describeTwinHost(host),
    })),
    applications: [{ description, components: { camera: 'worker-1', detector: 'worker-1', classifier: 'worker-1' } }],
    agents: [
      {
        agent: `cluster-${cluster}`,
        layer: 'cluster',
        mode: 1,
        policies: { 'static-placement': {}, 'relocate-by-latency': {} },
        files: [],
        leftOut: [],
      },
      ...hosts.map(({ simulated: { name } }) => ({
        agent: `node-${name}`,
        layer: 'node' as const,
        node: name,
        mode: 1 as const,
        policies: {},
        files: [],
        leftOut: [],
      })),
    ],
    past: [...past.values()],
  };
}
