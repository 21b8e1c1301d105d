import { z } from 'zod';
import { describeRequestSchema } from '../../bus/requests.ts';
import { type Description, kinds } from '../../descriptions/kinds.ts';
import type { AgentWatch, KnownAgent } from '../agent-watch.ts';
import { type AskAgents, pingMs } from '../ask-agents.ts';
import type { InfraEntry, InfraType } from '../endpoints/infra.ts';
import type { HandlersOf } from '../endpoints/table.ts';
import { HttpError } from '../http-error.ts';
import type { Registered, Registry } from '../registry.ts';
import { asJson, checkedDescription } from './apps.ts';
import { differencesOf } from './differences.ts';
import { figuresOf } from './figures.ts';
import type { NorthboundSources } from './sources.ts';

type InfraSources = Pick<NorthboundSources, 'aggregates' | 'orchestrator' | 'clock'>;

const typeOf = {
  MLSysOpsContinuum: 'continuum',
  MLSysOpsDatacenter: 'datacenter',
  MLSysOpsCluster: 'cluster',
  MLSysOpsNode: 'node',
} as const satisfies Partial<Record<keyof typeof kinds, InfraType>>;

const measuredSchema = z.record(z.string(), z.json());

export function infraHandlers(
  { aggregates, orchestrator, clock }: InfraSources,
  registry: Registry,
  agents: AgentWatch,
  ask: AskAgents,
): HandlersOf<'infra'> {
  const entries = (): InfraEntry[] =>
    entriesOf(
      registry.all(),
      agents.all(),
      orchestrator.members().map(({ name }) => name),
    );
  const find = (type: InfraType, id: string): InfraEntry => {
    const entry = entries().find((one) => one.type === type && one.id === id);
    if (!entry) throw new HttpError(404, `there is no ${type} "${id}", neither registered nor found`);
    return entry;
  };
  const descriptionOf = (type: InfraType, id: string) => registry.find(type, id)?.description ?? null;
  const agentOf = (node: string): KnownAgent | undefined => agents.all().find((one) => one.layer === 'node' && one.node === node);
  /** What a node's agent says that its host is; null when it says nothing. */
  const measuredOf = async (node: string): Promise<z.infer<typeof measuredSchema> | null> => {
    const agent = agentOf(node);
    if (!agent?.alive) return null;
    try {
      return await ask.one(agent.agent, 'describe', describeRequestSchema, {}, measuredSchema, pingMs);
    } catch (error) {
      if (error instanceof HttpError) return null;
      throw error;
    }
  };
  return {
    'infra.register': async ({ body }) => {
      const described = checkedDescription(body, Object.keys(typeOf), 'registered') as Exclude<
        Description,
        { kind: 'MLSysOpsApp' }
      >;
      const type = typeOf[described.kind];
      const id = String((described.value as Record<string, unknown>)[kinds[described.kind].nameField] ?? '');
      if (id === '') throw new HttpError(422, `the description has no "${kinds[described.kind].nameField}" to register it by`);
      const description = asJson(described.value);
      const replaced = registry.find(type, id) !== undefined;
      await registry.set({ type, id, description, registeredAt: clock.now() });
      const measured = type === 'node' ? await measuredOf(id) : null;
      const differences = measured === null ? [] : differencesOf(description, measured);
      return { type, id, replaced, found: find(type, id).found, differences };
    },
    'infra.list': async ({ query: { type, name } }) =>
      entries().filter((one) => (type === 'all' || one.type === type) && (name === undefined || one.id === name)),
    'infra.node': async ({ path: { id }, query: { window_s: windowS } }) => {
      const entry = find('node', id);
      const description = descriptionOf('node', id);
      const measured = await measuredOf(id);
      const since = clock.now() - windowS * 1000;
      return {
        ...entry,
        description,
        measured,
        differences: description && measured ? differencesOf(description, measured) : [],
        agent: agentOf(id) ?? null,
        metrics: figuresOf(aggregates, [{ node: id, application: '' }], ['peer'], since),
      };
    },
    'infra.cluster': async ({ path: { id }, query: { window_s: windowS } }) => {
      const entry = find('cluster', id);
      const member = orchestrator.members().find(({ name }) => name === id);
      const nodes = entries().flatMap((one) => (one.type === 'node' && one.parent === id ? [one.id] : []));
      const queries = nodes.map((node) => ({ node, application: '', peer: '' }));
      return {
        ...entry,
        description: descriptionOf('cluster', id),
        member: member
          ? {
              ready: member.ready,
              reason: member.reason ?? null,
              provider: member.provider ?? null,
              region: member.region ?? null,
              kubernetesVersion: member.kubernetesVersion ?? null,
            }
          : null,
        nodes,
        agents: agents.all().filter(({ cluster }) => cluster === id),
        applications: orchestrator.applications().flatMap((one) => (one.clusters.includes(id) ? [one.description.name] : [])),
        metrics: figuresOf(aggregates, queries, [], clock.now() - windowS * 1000),
      };
    },
    'infra.datacenter': async ({ path: { id } }) => {
      const entry = find('datacenter', id);
      const all = entries();
      const clusters = all.filter((one) => one.type === 'cluster' && one.parent === id);
      const within = new Set(clusters.map((one) => one.id));
      const listed = z.object({ nodes: z.array(z.string()).default([]) }).safeParse(descriptionOf('datacenter', id));
      const nodes = new Set(listed.success ? listed.data.nodes : []);
      return {
        ...entry,
        description: descriptionOf('datacenter', id),
        clusters,
        nodes: all.filter((one) => one.type === 'node' && (nodes.has(one.id) || (one.parent !== null && within.has(one.parent)))),
      };
    },
    'infra.unregister': async ({ path: { id }, query: { type } }) => {
      const fitting = registry.all().filter((one) => one.id === id && (type === undefined || one.type === type));
      const [first, ...others] = fitting;
      if (!first) throw new HttpError(404, `nothing is registered by the name "${id}"`);
      if (others.length > 0)
        throw new HttpError(409, `"${id}" is a ${fitting.map((one) => one.type).join(' and a ')}: say which, by ?type=`);
      await registry.delete(first.type, id);
      return { type: first.type, id };
    },
  };
}

/** Registered and found, joined by type and id. */
function entriesOf(registered: readonly Registered[], agents: readonly KnownAgent[], members: readonly string[]): InfraEntry[] {
  const all = new Map<string, InfraEntry>();
  const at = (type: InfraType, id: string): InfraEntry => {
    const key = `${type} ${id}`;
    const entry = all.get(key) ?? { type, id, registered: false, found: false, alive: null, parent: null };
    all.set(key, entry);
    return entry;
  };
  for (const name of members) at('cluster', name).found = true;
  for (const { layer, cluster, node, alive } of agents) {
    const entry = layer === 'node' && node !== undefined ? at('node', node) : at('cluster', cluster);
    entry.found = true;
    if (layer === 'node') {
      entry.alive = alive;
      entry.parent = cluster;
      at('cluster', cluster).found = true;
    }
    if (layer === 'cluster') entry.alive = alive;
  }
  for (const { type, id, description } of registered) {
    const entry = at(type, id);
    entry.registered = true;
    const { cluster_id: cluster, datacenter_id: datacenter, continuum, nodes, clusters } = description;
    if (type === 'node') entry.parent ??= text(cluster);
    if (type === 'cluster') {
      entry.parent = text(datacenter);
      for (const node of texts(nodes)) at('node', node).parent ??= id;
    }
    if (type === 'datacenter') {
      entry.parent = text(continuum);
      if (text(cluster) !== null) at('cluster', text(cluster)!).parent ??= id;
      entry.found = all.get(`cluster ${text(cluster)}`)?.found ?? false;
    }
    if (type === 'continuum') entry.found = texts(clusters).some((one) => all.get(`cluster ${one}`)?.found);
  }
  return [...all.values()].sort((a, b) => `${a.type} ${a.id}`.localeCompare(`${b.type} ${b.id}`));
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []);
