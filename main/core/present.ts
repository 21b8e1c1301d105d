import { CoreV1Api, CustomObjectsApi } from '@kubernetes/client-node';
import { z } from 'zod';
import { policyDetailSchema, policyListSchema } from '../../agents/bus/administration.ts';
import { replySchema } from '../../agents/bus/messages.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import type { ApplicationDescription } from '../../agents/descriptions/application.ts';
import { namespace } from '../../agents/descriptions/custom-resource.ts';
import { apiGroup, kinds } from '../../agents/descriptions/kinds.ts';
import { nodeSchema } from '../../agents/descriptions/node.ts';
import { DescriptionError, parseCustomResource } from '../../agents/descriptions/parse.ts';
import { nodeView } from '../../agents/orchestration/views.ts';
import type { PastSeries, Present, PresentAgent } from '../../provisioning/twin/dry-run/present.ts';
import { ContractError } from '../contract/contract.ts';
import type { Topology } from '../contract/topology.ts';
import type { Store } from '../store/store.ts';
import { LinkError, type RequestPayload, type TestbedLink } from './link/link.ts';
import type { Live } from './live.ts';
import { policiesToRun } from './policies-to-run.ts';
import type { TestbedEntry } from './testbeds.ts';

/** What a dry run is seeded with of the recent past. */
const pastMs = 10 * 60_000;
/** Readings of many nodes are averaged, so that they stay a few hundred thousand. */
const stepMsFor = (nodes: number): number => (nodes <= 20 ? 1000 : nodes <= 200 ? 5000 : 30_000);
/** Agents asked at once. */
const atOnce = 16;
/** Right after the link has opened, agents and applications are heard within this time. */
const hearMs = 6000;

const listSchema = z.object({ items: z.array(z.record(z.string(), z.unknown())) });

export interface PresentSources {
  entry: TestbedEntry;
  live: Live;
  store: Store;
}

type AgentLife = Topology['agents'][number];

/** The cluster of an agent as it stands now: from its API, from what was heard of it, and from what its agents say when they are asked. @throws ContractError; LinkError */
export async function takePresent({ entry, live, store }: PresentSources, agent: string): Promise<Present> {
  const hold = await live.hold();
  try {
    const link = await live.link();
    const { cluster } = await deciding(live, agent);
    const agents = live.state.agents().filter((one) => one.cluster === cluster && one.alive);
    const [nodes, descriptions] = await Promise.all([
      live.clusters.ask(cluster, (config) => config.makeApiClient(CoreV1Api).listNode()),
      live.clusters.ask(cluster, async (config) => describedIn(config.makeApiClient(CustomObjectsApi))),
    ]);
    const views = nodes.items.map(nodeView);
    if (views.length === 0) throw new ContractError('cannot-simulate', `The cluster "${cluster}" has no nodes.`);
    const statuses = live.state.applications().filter((status) => status.cluster === cluster);
    const agentOf = new Map(agents.flatMap((one) => (one.layer === 'node' && one.node !== undefined ? [[one.node, one]] : [])));
    const [hostDescriptions, own, past] = await Promise.all([
      inTurn(views, async ({ name }) => describedHost(link, agentOf.get(name))),
      inTurn(agents.filter(decides), (one) => presentAgent(link, one, entry.testbed.kind === 'twin')),
      pastOf(
        store,
        views.map(({ name }) => name),
      ),
    ]);
    const { twin, clusters, kind } = entry.testbed;
    return {
      testbed: entry.testbed.name,
      cluster,
      takenAt: past.until,
      ...(kind === 'twin' && { twin: { ...(twin && { section: twin }), clusters } }),
      nodes: views.map(({ address: _, devices: __, ...view }, index) => ({
        ...view,
        agentAlive: agentOf.has(view.name),
        ...(hostDescriptions[index] && { description: hostDescriptions[index] }),
      })),
      applications: descriptions.map((description) => {
        const placed = statuses.find((status) => status.application === description.name)?.components ?? [];
        const nodeOf = (component: string) => placed.find(({ name }) => name === component)?.node ?? null;
        return {
          description,
          components: Object.fromEntries(description.components.map(({ metadata: { name } }) => [name, nodeOf(name)])),
        };
      }),
      agents: own,
      past: past.series,
    };
  } finally {
    hold.close();
  }
}

const decides = ({ layer, role }: AgentLife): boolean => layer === 'node' || (layer === 'cluster' && role !== 'standby');

/** The agent that is meant, once it has been heard. @throws ContractError */
async function deciding(live: Live, name: string): Promise<AgentLife> {
  const until = (live.listeningSince ?? Date.now()) + hearMs;
  const find = () => live.state.agents().find((one) => one.agent === name && one.alive);
  while ((!find() || live.state.applications().length === 0) && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 100));
  const found = find();
  if (!found) throw new ContractError('no-answer', `No agent "${name}" is alive.`, 'See which there are: agent list.');
  if (decides(found)) return found;
  throw found.layer === 'continuum'
    ? new ContractError(
        'cannot-simulate',
        'A dry run simulates one cluster; the continuum decides about several.',
        'Try a policy of a cluster’s agent, or of a node’s.',
      )
    : new ContractError('cannot-simulate', `${name} stands by and decides nothing.`, 'Choose the agent that leads its cluster.');
}

/** What is deployed in a cluster; what cannot be read is left alone by its agents, too. */
async function describedIn(api: CustomObjectsApi): Promise<ApplicationDescription[]> {
  const resource = { group: apiGroup, version: 'v1', namespace, plural: kinds.MLSysOpsApp.plural };
  const { items } = listSchema.parse(await api.listNamespacedCustomObject(resource));
  return items.flatMap((item): ApplicationDescription[] => {
    try {
      const parsed = parseCustomResource({ apiVersion: `${apiGroup}/v1`, kind: 'MLSysOpsApp', ...item });
      return parsed.kind === 'MLSysOpsApp' ? [parsed.value] : [];
    } catch (error) {
      if (error instanceof DescriptionError) return [];
      throw error;
    }
  });
}

async function ask<S extends z.ZodType>(
  link: TestbedLink,
  agent: string,
  verb: string,
  payload: RequestPayload,
  answer: S,
): Promise<z.output<S>> {
  let said: unknown;
  try {
    said = await link.request(subjects.request(agent, verb), payload);
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    throw new ContractError('no-answer', `${agent} does not answer: ${error.message}`, 'Look at its log, or try it again.');
  }
  const reply = replySchema.parse(said);
  if (!reply.ok) throw new ContractError('refused', `${agent}: ${reply.error}`);
  return answer.parse(reply.value);
}

/** undefined of a node without an agent, and of one that was never described. */
async function describedHost(link: TestbedLink, agent: AgentLife | undefined) {
  if (!agent) return undefined;
  try {
    return await ask(link, agent.agent, 'describe', {}, nodeSchema);
  } catch (error) {
    if (error instanceof ContractError && error.code === 'refused') return undefined;
    throw error;
  }
}

async function presentAgent(link: TestbedLink, { agent, layer, node }: AgentLife, isSimulated: boolean): Promise<PresentAgent> {
  const { mode, policies } = await ask(link, agent, 'policy-list', {}, policyListSchema);
  const details = await Promise.all(
    policies
      .filter(({ state }) => state !== 'off' && state !== 'broken')
      .map(({ name }) => ask(link, agent, 'policy-read', { name }, policyDetailSchema)),
  );
  return {
    agent,
    layer: layer === 'node' ? 'node' : 'cluster',
    ...(node !== undefined && { node }),
    mode,
    ...policiesToRun(details, isSimulated),
  };
}

/** The last minutes of all that these nodes told, up to the latest reading. */
async function pastOf(store: Store, nodes: readonly string[]): Promise<{ until: number; series: PastSeries[] }> {
  const names = new Set(nodes);
  const known = (await store.telemetry.metrics()).filter(({ key }) => names.has(key.node));
  const until = known.reduce((latest, { lastTime }) => Math.max(latest, lastTime), 0) || Date.now();
  const from = until - pastMs;
  const metrics = [...new Set(known.filter(({ lastTime }) => lastTime >= from).map(({ key }) => key.metric))];
  if (metrics.length === 0) return { until, series: [] };
  const series = await store.telemetry.query({ metrics, from, to: until, stepMs: stepMsFor(nodes.length) });
  return {
    until,
    series: series.flatMap(({ key, source, times, values }): PastSeries[] => {
      if (!names.has(key.node)) return [];
      const points = times.flatMap((time, index) => {
        const value = values[index];
        return value === null || value === undefined ? [] : [{ time, value }];
      });
      const [, peer] = key.metric.startsWith('link_') ? (/ → (.+)$/.exec(key.component) ?? []) : [];
      return [
        {
          metric: key.metric,
          node: key.node,
          ...(key.application !== '' && { application: key.application }),
          ...(peer === undefined ? key.component !== '' && { component: key.component } : { peer }),
          source,
          times: points.map(({ time }) => time),
          values: points.map(({ value }) => value),
        },
      ];
    }),
  };
}

/** Each of them, so many at once, in their order. */
async function inTurn<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < all.length; at += atOnce) results.push(...(await Promise.all(all.slice(at, at + atOnce).map(work))));
  return results;
}
