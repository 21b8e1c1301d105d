import { heartbeatSchema, telemetrySchema } from '../../../agents/bus/messages.ts';
import { subjects } from '../../../agents/bus/subjects.ts';
import type { Layer } from '../../../agents/decision/record.ts';
import { Failure } from '../../run/failure.ts';
import type { RunContext } from '../../run/phase.ts';
import type { Host, Testbed } from '../../testbed/schema.ts';
import { agentName, layersOf } from '../agents/configuration.ts';
import { logScript, readJournalLine } from '../agents/logs.ts';
import { nodeAgent } from '../bus/users.ts';
import { managementHost } from '../support/hosts.ts';
import { openHub } from './hub.ts';

const phase = 'verify';
const waitMs = 60_000;
/** A node whose last telemetry is older has none. */
const freshMs = 5000;
const lookMs = 50;

/** What has been heard on the bus: when, by agent and by node, on this computer's clock. */
export interface Heard {
  heartbeats: ReadonlyMap<string, number>;
  telemetry: ReadonlyMap<string, number>;
}
export interface Expected {
  agent: string;
  layer: Layer;
  host: Host;
}

/** Agents that the hosts of a run have. */
export const expectedAgents = (hosts: readonly Host[], testbed: Testbed): Expected[] =>
  hosts.flatMap((host) => layersOf(host, testbed).map((layer) => ({ agent: agentName(layer, host), layer, host })));

/** Whose heartbeat, and which nodes' telemetry, is missing or older than 5 s. */
export function silentAgents(expected: readonly Expected[], heard: Heard, now: number): (Expected & { missing: string })[] {
  const isFresh = (at: number | undefined) => at !== undefined && now - at <= freshMs;
  return expected.flatMap((one) => {
    if (!isFresh(heard.heartbeats.get(one.agent))) return [{ ...one, missing: `no heartbeat of ${one.agent}` }];
    if (one.layer === 'node' && !isFresh(heard.telemetry.get(one.host.name)))
      return [{ ...one, missing: `no telemetry of ${one.host.name}` }];
    return [];
  });
}

/** What is heard on the hub from now on. */
interface Ear extends Heard {
  close(): Promise<void>;
}

async function openEar(context: RunContext, now: () => number): Promise<Ear> {
  const { bus, close } = await openHub(context);
  const heartbeats = new Map<string, number>();
  const telemetry = new Map<string, number>();
  bus.subscribe(subjects.all.heartbeats, heartbeatSchema, ({ agent }) => heartbeats.set(agent, now()));
  // What others say of a node is not a sign of its own agent.
  bus.subscribe(subjects.all.telemetry, telemetrySchema, ({ agent, node }) => {
    if (agent === nodeAgent(node)) telemetry.set(node, now());
  });
  return { heartbeats, telemetry, close };
}

const early = new WeakMap<RunContext, Promise<Ear | null>>();

/**
 * Listens from now on: of a testbed that is up, all has been heard by the time that everything else has been looked at. Where nobody can be
 * heard yet, that is no error before the agents are there. Close it.
 */
export function listenEarly(context: RunContext, now: () => number = Date.now): { close(): void } {
  const ear = openEar(context, now).catch(() => null);
  early.set(context, ear);
  return { close: () => void ear.then((one) => one?.close()) };
}

/**
 * Listens on the hub, as the desktop does, until every agent of the run's hosts has given a sign of life and every node its telemetry, all
 * within the last 5 s. Waits a minute at most. In a run that has changed something, nothing counts that was heard before.
 * @throws Failure naming who is silent, with the last lines of his journal
 */
export async function hearAgents(context: RunContext, now: () => number = Date.now): Promise<void> {
  const hosts = context.testbed.hosts.filter(({ name }) => context.facts.has(name));
  const management = managementHost(context.testbed);
  if (!hosts.includes(management)) {
    context.log(phase, management.name, 'has no part in this run: nobody listens on the bus');
    return;
  }
  const expected = expectedAgents(hosts, context.testbed);
  const known = context.hasChanged() ? null : await early.get(context);
  const ear = known ?? (await openEar(context, now));
  try {
    const until = now() + waitMs;
    for (;;) {
      const silent = silentAgents(expected, ear, now());
      if (silent.length === 0 || context.signal.aborted) return;
      if (now() > until) throw await silence(silent, context);
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  } finally {
    await ear.close();
  }
}

async function silence(silent: readonly (Expected & { missing: string })[], context: RunContext): Promise<Failure> {
  const [first] = silent;
  const said = await Promise.all(
    silent.slice(0, 5).map(async ({ agent, layer, host }) => {
      const journal = await context
        .execute(host.name, logScript({ layer, lines: 5 }), { timeoutS: 20, phase })
        .catch((error: unknown) => `its journal cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      const lines = journal.split('\n').flatMap((line) => {
        const read = readJournalLine(line, layer);
        return read === null ? [] : `${read.text} ${Object.values(read.details).join(' ')}`.trim();
      });
      return `${agent} on ${host.name}:\n${lines.length > 0 ? lines.join('\n') : journal}`;
    }),
  );
  return new Failure({
    code: 'step',
    host: silent.length === 1 ? first?.host.name : undefined,
    phase,
    step: 'heartbeats',
    cause: `${silent.map(({ missing }) => missing).join(', ')} came over the bus within ${waitMs / 1000} s`,
    stderr: said.join('\n'),
    remedy:
      'Read on with "mlsysops-cli agents logs HOST"; a host that cannot reach port 4222 of its cluster’s master is not heard',
  });
}
