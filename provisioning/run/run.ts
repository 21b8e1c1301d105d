import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { addressOf } from '../phases/support/hosts.ts';
import type { Host } from '../testbed/schema.ts';
import { carryOut } from './carry-out.ts';
import { type Cell, makeCells, reverseCells } from './cells.ts';
import { builtInPhases, type Chosen, choose, unmetNeeds } from './choice.ts';
import { refuseDrift } from './drift.ts';
import { lookElsewhere } from './elsewhere.ts';
import { Failure } from './failure.ts';
import { Gate } from './gate.ts';
import { Journal, journalFile } from './journal.ts';
import { defaultLease, Leases } from './leases.ts';
import type { RunOptions } from './options.ts';
import { overheadMs } from './overhead.ts';
import { Patience } from './patience.ts';
import { planValue } from './plan-value.ts';
import { getReady } from './ready.ts';
import { Redactor } from './redact.ts';
import type { RunScope } from './scope.ts';
import { Session } from './session.ts';
import { type FinishedEvent, Telling } from './telling.ts';

export type { FinishedEvent };

/** An id that sorts by time. */
export const makeRunId = (now: number): string =>
  `${new Date(now).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15)}-${randomBytes(2).toString('hex')}`;

/**
 * Brings hosts to what the phases want (up), or back (down). All hosts at once; what failed stops what needs it and nothing else. A host that
 * goes away meanwhile is waited for. While it lives, the run holds a lease on each host that it changes. Resolves to the last event in any
 * case: what went wrong are `failure` events before it.
 */
export async function startRun(options: RunOptions): Promise<FinishedEvent> {
  await mkdir(options.stateFolder, { recursive: true, mode: 0o700 });
  const now = options.now ?? Date.now;
  const run = options.run ?? makeRunId(now());
  const journal = options.journal ?? (await Journal.create(journalFile(options.stateFolder, run)));
  try {
    const redactor = new Redactor();
    const telling = new Telling({ journal, redactor, now, onEvent: options.onEvent });
    return await go(options, run, now, redactor, telling);
  } finally {
    if (options.journal === undefined) await journal.close();
  }
}

async function go(
  options: RunOptions,
  run: string,
  now: () => number,
  redactor: Redactor,
  telling: Telling,
): Promise<FinishedEvent> {
  const { testbed, phases, verb } = options;
  const startedAt = performance.now();
  const signal = options.signal ?? new AbortController().signal;
  let chosen: Chosen | Failure;
  try {
    chosen = choose(testbed, phases, verb, options);
  } catch (error) {
    chosen = error as Failure;
  }
  telling.emit({
    type: 'started',
    run,
    testbed: testbed.name,
    verb,
    hosts: (chosen instanceof Failure ? testbed : chosen).hosts.map((host) => host.name),
    phases: [...builtInPhases, ...(chosen instanceof Failure ? [] : chosen.phases).map(({ id, title }) => ({ id, title }))],
    doubles: [...(options.doubles ?? [])],
  });
  let cells: Cell[] = [];
  const end = (sentBytes: number, ownMs: number) => {
    const wallMs = Math.round(performance.now() - startedAt);
    const changed = cells.reduce((sum, cell) => sum + cell.changed, 0);
    const inPlace = cells.reduce((sum, cell) => sum + cell.inPlace, 0);
    const state = signal.aborted ? 'cancelled' : telling.failures > 0 ? 'failed' : 'done';
    return telling.finish(testbed.name, verb, { state, changed, inPlace, wallMs, overheadMs: ownMs, sentBytes });
  };
  if (chosen instanceof Failure) {
    telling.fail(chosen);
    return end(0, 0);
  }
  const gate = options.gate ?? new Gate();
  const scope = makeScope(options, { run, now, redactor, telling, chosen, signal, gate });
  const onAbort = () =>
    telling.warn('it is being stopped: steps in progress have a moment to end, nothing new is begun', { phase: '' });
  signal.addEventListener('abort', onAbort, { once: true });
  gate.onChange = (paused) => telling.emit({ type: 'paused', paused });
  if (gate.closed) gate.onChange(true);
  try {
    await getReady(scope);
    await gate.pass(signal);
    cells = makeCells(phases, testbed, scope.roots);
    if (verb === 'down') cells = reverseCells(cells, scope.roots);
    scope.works.push(...cells);
    if (!signal.aborted) refuse(scope, cells, options);
    if (verb !== 'down') sendAhead(scope);
    await carryOut(scope, cells);
  } catch (error) {
    telling.fail(
      error instanceof Failure ? error : new Failure({ code: 'step', cause: String(error) }, { cause: error as Error }),
    );
  } finally {
    signal.removeEventListener('abort', onAbort);
    gate.onChange = null;
  }
  for (const one of scope.begun) one.close();
  await scope.leases.close();
  const sentBytes = await scope.session.pool.sentBytes();
  await scope.session.close();
  const wallMs = performance.now() - startedAt;
  return end(sentBytes, Math.round(overheadMs(Math.max(0, wallMs - scope.patience.waitedMs - gate.pausedMs), scope.works)));
}

/** Before anything is changed. @throws Failure: refused (what is left out is not in place), drift */
function refuse(scope: RunScope, cells: readonly Cell[], { plan, now }: RunOptions): void {
  const { chosen, observed, session, testbed, verb, telling } = scope;
  if (plan !== undefined) {
    const seen = { testbed, verb, phases: scope.recipe, chosen, context: session.context, observed, warnings: [] };
    refuseDrift(plan, planValue({ ...seen, madeAt: (now ?? Date.now)() }));
  }
  if (verb === 'down') return;
  const unmet = unmetNeeds(
    cells.filter(({ host }) => scope.ready.has(host.name)),
    chosen,
    observed,
  );
  const last = unmet.pop();
  for (const failure of unmet) telling.fail(failure);
  if (last) throw last;
}

/** Nothing is sent before all of it is known to be of use. */
function sendAhead({ chosen, observed, ready, session }: RunScope): void {
  for (const host of chosen.hosts) {
    if (!ready.has(host.name)) continue;
    const wanted = (observed.get(host.name) ?? []).filter(({ phase }) => chosen.includes({ phase, host }));
    session.sendAhead(host, wanted);
  }
}

function makeScope(
  options: RunOptions,
  own: Pick<RunScope, 'telling' | 'chosen' | 'signal' | 'gate'> & { run: string; now: () => number; redactor: Redactor },
): RunScope {
  const { testbed, phases, verb, ssh, stateFolder } = options;
  const { telling, chosen, signal, gate, redactor, run, now } = own;
  const session = new Session({
    testbed,
    ssh,
    stateFolder,
    redactor,
    signal,
    listener: {
      warn: (text, how) => telling.warn(text, how),
      log: (phase, host, stream, text, step) => telling.emit({ type: 'log', phase, host, step, stream, text }),
    },
  });
  const leases = new Leases({
    lease: options.lease ?? defaultLease(stateFolder),
    run,
    now,
    execute: (host, script, how) => session.pool.execute(host, script, how),
    onTaken: (host, before) =>
      telling.emit({ type: 'log', phase: 'connect', host, stream: 'engine', text: `taken over from ${before}\n` }),
  });
  session.leases = leases;
  const observed: RunScope['observed'] = new Map();
  /** Where it is found now may be another address than before (DHCP, another network): what is still to be done goes by that one. */
  const lookForMove = async (host: Host): Promise<void> => {
    if (!session.facts.has(host.name)) return;
    const before = addressOf(host, session.context);
    await session.readFacts(host, { hostMs: 0, after: [] });
    const address = addressOf(host, session.context);
    if (address === before) return;
    // Its address stands in steps of other hosts, too.
    observed.clear();
    telling.warn(`its address was ${before} and is ${address} now`, {
      host: host.name,
      phase: 'connect',
      remedy: `${host.address === before ? 'Write that into the testbed file, then run' : 'Run'} "up" once more after this: it takes the new address to where the former one stands already`,
    });
  };
  const patience = new Patience({
    pool: session.pool,
    hosts: [...chosen.hosts, ...chosen.others],
    connected: session.connected,
    signal,
    patienceMs: options.patienceMs,
    onAway: (host, { value }, patienceMs) => {
      const text = `${value.cause}: waiting for it, up to ${Math.round(patienceMs / 1000)} s\n`;
      telling.emit({ type: 'log', phase: 'connect', host: host.name, stream: 'engine', text });
    },
    lookElsewhere: (host) => lookElsewhere(session, host),
    onBack: async (host, awayMs) => {
      const before = leases.restarts(host);
      await leases.again(host);
      await lookForMove(host);
      const restarted = leases.restarts(host) > before;
      const text = `it was away for ${(awayMs / 1000).toFixed(1)} s${restarted ? ' and has been restarted' : ''}`;
      telling.warn(text, { host: host.name, phase: 'connect' });
    },
  });
  return {
    testbed,
    verb,
    recipe: phases,
    chosen,
    session,
    leases,
    patience,
    telling,
    signal,
    gate,
    roots: new Map(),
    ready: new Set(),
    observed,
    works: [],
    begun: [],
  };
}
