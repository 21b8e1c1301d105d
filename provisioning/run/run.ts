import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { connectPhase } from '../phases/connect.ts';
import { factsPhase } from '../phases/facts.ts';
import { type Check, preflightPhase } from '../phases/preflight.ts';
import { addressOf } from '../phases/support/hosts.ts';
import type { Host } from '../testbed/schema.ts';
import { builtOnChange, type Cell, makeCells, reverseCells } from './cells.ts';
import { builtInPhases } from './choice.ts';
import type { CellState, RunEvent, RunVerb } from './events.ts';
import { Failure } from './failure.ts';
import { Journal, journalFile } from './journal.ts';
import { observeHost } from './observed.ts';
import type { RunOptions } from './options.ts';
import { overheadMs, type Work } from './overhead.ts';
import type { Phase, Step } from './phase.ts';
import { Redactor } from './redact.ts';
import { preflightFailure, Session } from './session.ts';
import { changeSteps, inStep, type ObservedPhase, undoSteps } from './steps.ts';

export type FinishedEvent = Extract<RunEvent, { type: 'finished' }>;

/** An id that sorts by time. */
export const makeRunId = (now: number): string =>
  `${new Date(now).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15)}-${randomBytes(2).toString('hex')}`;

/**
 * Brings hosts to what the phases want (up), or back (down). All hosts at once; what failed stops what needs it and nothing else. Resolves
 * to the last event in any case: what went wrong are `failure` events before it.
 */
export async function startRun(options: RunOptions): Promise<FinishedEvent> {
  await mkdir(options.stateFolder, { recursive: true, mode: 0o700 });
  const now = options.now ?? Date.now;
  const run = options.run ?? makeRunId(now());
  const journal = options.journal ?? (await Journal.create(journalFile(options.stateFolder, run)));
  try {
    return await new Run(options, run, journal, now).go();
  } finally {
    if (options.journal === undefined) await journal.close();
  }
}

/** What takes something away must not be kept from it by what is wrong with a host. */
const withoutPreflight: ReadonlySet<RunVerb> = new Set(['down', 'remove-host', 'rotate-certificates']);

type Body<T> = T extends RunEvent ? Omit<T, 'time'> : never;

class Run {
  readonly #options: RunOptions;
  readonly #hosts: Host[];
  readonly #id: string;
  readonly #journal: Journal;
  readonly #now: () => number;
  readonly #redactor = new Redactor();
  readonly #session: Session;
  readonly #signal: AbortSignal;
  readonly #roots = new Map<string, Work & { hostMs: number; after: Work[] }>();
  readonly #ready = new Set<string>();
  readonly #observed = new Map<string, ObservedPhase[]>();
  readonly #works: Work[] = [];
  #failures = 0;
  #warnings = 0;

  constructor(options: RunOptions, run: string, journal: Journal, now: () => number) {
    this.#options = options;
    const { testbed, hosts } = options;
    this.#hosts = testbed.hosts.filter((host) => hosts === undefined || hosts.includes(host.name));
    this.#id = run;
    this.#journal = journal;
    this.#now = now;
    this.#signal = options.signal ?? new AbortController().signal;
    this.#session = new Session({
      testbed: options.testbed,
      ssh: options.ssh,
      stateFolder: options.stateFolder,
      redactor: this.#redactor,
      signal: this.#signal,
      listener: {
        warn: (text, how) => {
          this.#warnings++;
          this.#emit({ type: 'warning', phase: how?.phase ?? '', host: how?.host, text, remedy: how?.remedy });
        },
        log: (phase, host, stream, text, step) => this.#emit({ type: 'log', phase, host, step, stream, text }),
      },
    });
  }

  async go(): Promise<FinishedEvent> {
    const { testbed, phases, verb } = this.#options;
    const startedAt = performance.now();
    this.#emit({
      type: 'started',
      run: this.#id,
      testbed: testbed.name,
      verb,
      hosts: this.#hosts.map((host) => host.name),
      phases: [...builtInPhases, ...phases.map(({ id, title }) => ({ id, title }))],
      doubles: [...(this.#options.doubles ?? [])],
    });
    let cells: Cell[] = [];
    try {
      await this.#getReady();
      cells = makeCells(phases, testbed, this.#roots, this.#hosts);
      if (verb === 'down') cells = reverseCells(cells, this.#roots);
      this.#works.push(...cells);
      await this.#runCells(cells);
    } catch (error) {
      this.#fail(
        error instanceof Failure ? error : new Failure({ code: 'step', cause: String(error) }, { cause: error as Error }),
      );
    }
    const sentBytes = await this.#session.pool.sentBytes();
    await this.#session.close();
    const wallMs = Math.round(performance.now() - startedAt);
    const changed = cells.reduce((sum, cell) => sum + cell.changed, 0);
    const inPlace = cells.reduce((sum, cell) => sum + cell.inPlace, 0);
    const overhead = Math.round(overheadMs(wallMs, this.#works));
    const state = this.#signal.aborted ? 'cancelled' : this.#failures > 0 ? 'failed' : 'done';
    return this.#emit({
      type: 'finished',
      state,
      changed,
      inPlace,
      wallMs,
      overheadMs: overhead,
      sentBytes,
      summary: this.#summary(state, changed, inPlace, wallMs, overhead),
    }) as FinishedEvent;
  }

  #summary(state: FinishedEvent['state'], changed: number, inPlace: number, wallMs: number, overhead: number): string {
    const { testbed, verb } = this.#options;
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
    const what = verb === 'down' ? `${changed} undone` : `${changed} changed, ${inPlace} already in place`;
    const warnings = this.#warnings > 0 ? `, ${this.#warnings} warning${this.#warnings > 1 ? 's' : ''}` : '';
    const numbers = `${what}${warnings}; ${seconds(wallMs)}, of which ${seconds(overhead)} our own`;
    if (state === 'done')
      return verb === 'up' || verb === 'down'
        ? `${testbed.name} is ${verb}: ${numbers}`
        : `${testbed.name}: ${verb} is done: ${numbers}`;
    const again = `Run "${verb}" again to go on from there`;
    if (state === 'cancelled') return `${testbed.name} was stopped: ${numbers}. ${again}`;
    return `${testbed.name} ${verb === 'up' || verb === 'down' ? `is not ${verb}` : `: ${verb} is not done`}: ${this.#failures} failed; ${numbers}. ${again}`;
  }

  #emit(body: Body<RunEvent>): RunEvent {
    const event = this.#redactor.value({ ...body, time: this.#now() } as RunEvent);
    this.#journal.write(event);
    this.#options.onEvent?.(event);
    return event;
  }

  #fail(failure: Failure): void {
    if (failure.value.code !== 'cancelled') this.#failures++;
    this.#emit({ type: 'failure', failure: failure.value });
  }

  #cell(
    phase: string,
    host: Host,
    state: CellState,
    more: { detail?: string; durationMs?: number; done?: number; total?: number } = {},
  ) {
    this.#emit({ type: 'cell', phase, host: host.name, state, ...more });
  }

  /** Connect, facts, preflight, and one look at what is in place: all hosts at once. */
  async #getReady(): Promise<void> {
    const { verb } = this.#options;
    for (const host of this.#hosts) {
      const root = { hostMs: 0, after: [] };
      this.#roots.set(host.name, root);
      this.#works.push(root);
    }
    await this.#builtIn(connectPhase.id, this.#hosts, async (host) => {
      await this.#session.connect(host);
      return 'done';
    });
    const connected = this.#hosts.filter((host) => this.#ready.has(host.name));
    await this.#builtIn(factsPhase.id, connected, async (host) => {
      await this.#session.readFacts(host, this.#roots.get(host.name)!);
      return 'done';
    });
    const known = connected.filter((host) => this.#ready.has(host.name));
    if (withoutPreflight.has(verb)) this.#emit({ type: 'phase', phase: preflightPhase.id, state: 'skipped' });
    else {
      const checks = this.#session.checks();
      await this.#builtIn(preflightPhase.id, known, (host) => this.#preflight(host, checks));
    }
    await Promise.all(
      known.filter((host) => this.#ready.has(host.name) && !this.#observed.has(host.name)).map((host) => this.#observe(host)),
    );
  }

  async #builtIn(phase: string, hosts: readonly Host[], work: (host: Host) => Promise<CellState>): Promise<void> {
    const startedAt = performance.now();
    this.#emit({ type: 'phase', phase, state: hosts.length === 0 ? 'skipped' : 'running' });
    let failed = false;
    await Promise.all(
      hosts.map(async (host) => {
        const hostStartedAt = performance.now();
        this.#cell(phase, host, 'running');
        try {
          const state = await work(host);
          this.#ready.add(host.name);
          this.#cell(phase, host, state, { durationMs: Math.round(performance.now() - hostStartedAt) });
        } catch (error) {
          failed = true;
          this.#ready.delete(host.name);
          const failure = inStep(error, host, { id: phase });
          this.#fail(failure);
          this.#cell(phase, host, 'failed', { detail: failure.value.cause });
        }
      }),
    );
    if (hosts.length === 0) return;
    this.#emit({
      type: 'phase',
      phase,
      state: failed ? 'failed' : 'done',
      durationMs: Math.round(performance.now() - startedAt),
    });
  }

  async #preflight(host: Host, checks: readonly Check[]): Promise<CellState> {
    const failure = preflightFailure(host, checks);
    if (failure) throw failure;
    // Trying the ways to the others and looking at what is in place wait for different things: both at once.
    const addressOfHost = (other: Host) => addressOf(other, this.#session.context);
    const [reach] = await Promise.all([this.#session.checkReach(host, addressOfHost), this.#observe(host)]);
    const blocked = preflightFailure(host, reach);
    if (blocked) throw blocked;
    // Nothing is sent before all of it is known to be of use.
    this.#session.sendAhead(host, this.#observed.get(host.name) ?? []);
    const warnings = [...checks.filter((check) => check.host === host.name), ...reach].filter(
      (check) => check.severity === 'warning',
    );
    for (const { evidence, remedy } of warnings)
      this.#session.context.warn(evidence, { host: host.name, phase: preflightPhase.id, remedy });
    return warnings.length > 0 ? 'warning' : 'done';
  }

  async #observe(host: Host): Promise<void> {
    const root = this.#roots.get(host.name)!;
    const observed = await this.#session.metered(root, () => observeHost(this.#session, host, this.#options.phases));
    this.#observed.set(host.name, observed);
  }

  /** Every cell as soon as what it needs is done; every phase's `after` once all its cells are, in the order of the recipe. */
  async #runCells(cells: readonly Cell[]): Promise<void> {
    const { phases, verb } = this.#options;
    const running = new Map<Cell, Promise<void>>();
    const begun = new Map<Phase, number>();
    const start = (cell: Cell): Promise<void> => {
      const known = running.get(cell);
      if (known) return known;
      const promise = (async () => {
        await Promise.all(cell.needs.map(start));
        if (!begun.has(cell.phase) && this.#ready.has(cell.host.name)) {
          begun.set(cell.phase, performance.now());
          this.#emit({ type: 'phase', phase: cell.phase.id, state: 'running' });
        }
        await this.#runCell(cell);
      })();
      running.set(cell, promise);
      return promise;
    };
    let before: Promise<void> = Promise.resolve();
    const ends = (verb === 'down' ? [...phases].reverse() : phases).map((phase) => {
      const own = cells.filter((cell) => cell.phase === phase);
      const done = Promise.all(own.map(start));
      before = Promise.all([before, done]).then(() => this.#endPhase(phase, own, begun.get(phase)));
      return before;
    });
    await Promise.all(ends);
  }

  async #endPhase(phase: Phase, cells: readonly Cell[], startedAt: number | undefined): Promise<void> {
    const durationMs = startedAt === undefined ? undefined : Math.round(performance.now() - startedAt);
    const end = (state: 'done' | 'failed' | 'skipped') => void this.#emit({ type: 'phase', phase: phase.id, state, durationMs });
    if (cells.some((cell) => cell.state === 'failed')) return end('failed');
    if (cells.every((cell) => cell.state === 'none' || cell.state === 'held')) return end('skipped');
    if (cells.some((cell) => cell.state === 'held')) return end('failed');
    if (phase.after && this.#options.verb !== 'down' && !this.#signal.aborted) {
      // It waits for hosts in its own way (through an API, for a heartbeat): its time is theirs, not the engine's.
      const work = { hostMs: 0, after: [...cells] };
      this.#works.push(work);
      const afterStartedAt = performance.now();
      try {
        await phase.after(this.#session.context);
      } catch (error) {
        const failure =
          error instanceof Failure
            ? error
            : new Failure({ code: 'step', phase: phase.id, cause: error instanceof Error ? error.message : String(error) });
        this.#fail(failure);
        return end('failed');
      } finally {
        work.hostMs = performance.now() - afterStartedAt;
      }
    }
    end('done');
  }

  async #runCell(cell: Cell): Promise<void> {
    const { phase, host } = cell;
    const down = this.#options.verb === 'down';
    const settle = (state: CellState, more: { detail?: string; durationMs?: number } = {}) => {
      cell.state = state;
      this.#cell(phase.id, host, state, more);
    };
    if (this.#signal.aborted) return settle('held', { detail: 'stopped' });
    if (!this.#ready.has(host.name)) return settle('held', { detail: `${host.name} is not ready` });
    // Taking down goes on past what could not be taken down.
    const missing = down ? undefined : cell.needs.find((need) => need.state === 'failed' || need.state === 'held');
    if (missing) {
      const why = missing.state === 'failed' ? 'which failed' : 'which is held';
      return settle('held', { detail: `needs ${missing.phase.id} on ${missing.host.name}, ${why}` });
    }
    const startedAt = performance.now();
    try {
      const state = await this.#session.metered(cell, () => (down ? this.#undo(cell) : this.#bringAbout(cell)));
      settle(state, { durationMs: Math.round(performance.now() - startedAt) });
    } catch (error) {
      const failure = inStep(error, host, phase);
      const cancelled = failure.value.code === 'cancelled';
      if (!cancelled) this.#fail(failure);
      settle(cancelled ? 'held' : 'failed', {
        detail: cancelled ? 'stopped' : failure.value.cause,
        durationMs: Math.round(performance.now() - startedAt),
      });
    }
  }

  async #bringAbout(cell: Cell): Promise<CellState> {
    const { phase, host } = cell;
    const before = this.#observed.get(host.name)?.find((one) => one.phase === phase);
    const fresh = before === undefined || before.steps === null || builtOnChange(cell);
    const steps = fresh ? await phase.steps(host, this.#session.context) : (before.steps ?? []);
    if (steps.length === 0) return 'none';
    const inPlace = before?.inPlace ?? new Map<string, boolean>();
    if (!fresh && steps.every((step) => inPlace.get(step.id) === true)) {
      for (const step of steps) this.#step(cell, step, 'in-place', steps.length);
      return 'in-place';
    }
    this.#cell(phase.id, host, 'running', { done: 0, total: steps.length });
    const runner = this.#session.runner(host, phase, (step, state, hostMs) =>
      this.#step(cell, step, state, steps.length, hostMs),
    );
    await changeSteps(runner, phase, steps, inPlace);
    return cell.changed > 0 ? 'done' : 'in-place';
  }

  #step(cell: Cell, step: Step, state: 'running' | 'changed' | 'in-place' | 'failed', total: number, hostMs?: number): void {
    const { phase, host } = cell;
    this.#emit({ type: 'step', phase: phase.id, host: host.name, step: step.id, title: step.title, state, hostMs });
    if (state === 'changed') cell.changed++;
    if (state === 'in-place') cell.inPlace++;
    if (state === 'running')
      this.#cell(phase.id, host, 'running', { detail: step.title, done: cell.changed + cell.inPlace, total });
  }

  async #undo(cell: Cell): Promise<CellState> {
    const { phase, host } = cell;
    const before = this.#observed.get(host.name)?.find((one) => one.phase === phase);
    const steps = before?.steps ?? (await phase.steps(host, this.#session.context));
    if (!steps.some((step) => step.undo !== undefined)) return 'none';
    this.#cell(phase.id, host, 'running', { done: 0, total: steps.length });
    const runner = this.#session.runner(host, phase, (step, state, hostMs) =>
      this.#step(cell, step, state, steps.length, hostMs),
    );
    const { failed } = await undoSteps(runner, phase, steps, before?.inPlace ?? new Map());
    const [first, ...others] = failed;
    for (const failure of others) this.#fail(failure);
    if (first) throw first;
    return cell.changed > 0 ? 'done' : 'in-place';
  }
}
