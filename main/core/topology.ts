import type { Topology } from '../contract/topology.ts';
import type { Picture } from '../store/pictures.ts';
import type { Store } from '../store/store.ts';
import type { ClusterStateValue } from './cluster-state.ts';
import { type LiveState, staleReadingMs } from './live-state.ts';
import type { TestbedEntry } from './testbeds.ts';

const managementCluster = 'management';

/** The whole picture of a testbed: its hosts, and what agents and APIs have told of them. What nobody has told yet is null. */
export function topologyOf(
  { testbed, remembered }: Pick<TestbedEntry, 'testbed' | 'remembered'>,
  live: LiveState,
  clusters: ClusterStateValue,
  time: number,
): Topology {
  const ids = [...new Set([managementCluster, ...testbed.hosts.map(({ cluster }) => cluster)])];
  return {
    time,
    testbed: testbed.name,
    kind: testbed.kind,
    doubles: remembered.doubles,
    continuum: { name: 'continuum', karmada: clusters.versions.karmada ?? null },
    clusters: ids.map((name) => ({
      name,
      kubernetes: clusters.versions[name] ?? null,
      joined: name === managementCluster || (clusters.members?.some((member) => member.name === name && member.ready) ?? false),
      role: name === managementCluster ? 'management' : 'member',
    })),
    nodes: testbed.hosts.map(({ name, cluster, role, address }) => {
      const node = clusters.nodes?.find((one) => one.name === name);
      return {
        name,
        cluster,
        role,
        address,
        // A cluster that answers and does not know the node says that it is not there.
        ready: node?.ready ?? (clusters.nodes?.some((other) => other.cluster === cluster) ? false : null),
        cores: node?.cores ?? live.fact('cpu_cores', name),
        frequencyGHz: live.fact('cpu_frequency_max_ghz', name),
        memoryBytes: node?.memoryBytes ?? live.fact('memory_total_bytes', name),
      };
    }),
    agents: live.agents(),
    applications: live.applications(),
    readings: live.readings(),
  };
}

/** What of a picture is kept for later. */
export function pictureOf({ time: _, readings: __, ...picture }: Topology): Picture {
  return {
    ...picture,
    agents: picture.agents.map((agent) => ({ ...agent, lastHeartbeat: agent.alive ? null : agent.lastHeartbeat })),
  };
}

/** The picture of a moment of the past, from what was kept. */
export async function topologyAt(store: Store, time: number): Promise<{ topology: Topology | null; heardUntil: number | null }> {
  const kept = await store.pictures.at(time);
  const last = kept?.picture ? { ...kept, picture: kept.picture } : await store.pictures.lastBefore(time);
  if (!kept || !last) return { topology: null, heardUntil: null };
  const heardUntil = kept.picture ? null : kept.time;
  const readings = await store.telemetry.latest(time - staleReadingMs, time);
  return { topology: { ...last.picture, time, readings }, heardUntil };
}
