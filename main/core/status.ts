import type { OutputOf } from '../contract/contract.ts';
import type { Live } from './live.ts';
import { agentsOf } from './run-hosts.ts';
import { summaryOf, type TestbedEntry } from './testbeds.ts';

/** Agents beat once a second: what was not heard in this time is silent. */
const hearMs = 3500;
const lookMs = 100;

/** What APIs and agents say now. Of a testbed that is not up nothing is said. */
export async function statusOf(entry: TestbedEntry, live: Live | null): Promise<OutputOf<'testbeds.status'>> {
  const testbed = summaryOf(entry);
  if (!live) return { testbed, nodes: [], members: [], agents: [] };
  const hold = await live.hold();
  try {
    await Promise.all([live.clusters.refresh(), hearAll(live, agentsOf(entry.testbed).length)]);
    const { nodes, members } = live.clusters.value;
    return {
      testbed,
      nodes: (nodes ?? []).map(({ name, cluster, ready, version }) => ({ name, cluster, ready, version })),
      members: members ?? [],
      agents: live.state.agents(),
    };
  } finally {
    hold.close();
  }
}

/** Waits until so many agents are alive; when somebody has listened for long enough, those that are not are silent. */
async function hearAll(live: Live, count: number): Promise<void> {
  const until = (live.listeningSince ?? Date.now()) + hearMs;
  while (Date.now() < until && live.state.agents().filter(({ alive }) => alive).length < count)
    await new Promise((resolve) => setTimeout(resolve, lookMs));
}
