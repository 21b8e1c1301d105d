import { randomBytes } from 'node:crypto';
import { ZodError, z } from 'zod';
import type { RunEvent, RunVerb } from '../../provisioning/run/events.ts';
import { Failure } from '../../provisioning/run/failure.ts';
import { Gate } from '../../provisioning/run/gate.ts';
import { Journal, readJournal } from '../../provisioning/run/journal.ts';
import { ContractError } from '../contract/contract.ts';
import type { RunSummary } from '../contract/runs.ts';
import type { TestbedState } from '../contract/testbeds.ts';
import { Listeners } from './listeners.ts';
import { Mailbox } from './mailbox.ts';
import { journalFile, type KeptRun, type RunWords, readRunSummaries, writeRunSummary } from './run-summaries.ts';
import type { TestbedEntry, Testbeds } from './testbeds.ts';

/** What a run has while it goes. */
export interface RunScope {
  run: string;
  journal: Journal;
  /** Told to who watches; whoever uses this writes the journal itself. */
  tell(event: RunEvent): void;
  /** Written to the journal, and told. */
  emit(event: RunEvent): void;
  signal: AbortSignal;
  /** While it is closed, nothing further is to be begun. */
  gate: Gate;
}

/** Tells what happens until it ends; stops when the signal aborts. Its last event is "finished". */
export type RunWork = (scope: RunScope) => Promise<void>;

/** Events that go to a watcher at once. */
const batch = 500;

interface RunInFlight {
  summary: KeptRun;
  folder: string;
  events: RunEvent[];
  heard: Listeners<RunEvent | null>;
  abort: AbortController;
  gate: Gate;
  ended: Promise<void>;
  ends: RunEnds;
  /** Of the testbed, before it began. */
  before: TestbedState;
  /** Class of its first failure. */
  failure: string | null;
}

/** Runs that fail so have changed nothing, if their count says so too. */
const refusals: ReadonlySet<string> = new Set(['drift', 'lease', 'refused']);

/** What a testbed is once a run of it has ended, well or not. */
export interface RunEnds {
  done: TestbedState;
  otherwise: TestbedState;
}

const endsOf = (verb: RunVerb): RunEnds => ({ done: verb === 'down' ? 'down' : 'up', otherwise: 'failed' });

/** Runs as values: started, watched by anybody from their beginning, cancelled, remembered. One at a time per testbed. */
export class Runs {
  readonly #testbeds: Testbeds;
  readonly #log: (text: string) => void;
  readonly #inFlight = new Map<string, RunInFlight>();
  /** Testbed of each run. */
  readonly #owners = new Map<string, string>();

  /** Runs that a core left in flight are marked as interrupted: the hosts tell the truth, and "up" goes on from there. */
  static async open(testbeds: Testbeds, log: (text: string) => void): Promise<Runs> {
    const runs = new Runs(testbeds, log);
    for (const { testbed, folder, remembered } of testbeds.all()) {
      for (const summary of await readRunSummaries(folder.runs)) {
        runs.#owners.set(summary.run, testbed.name);
        if (summary.state === 'running')
          await writeRunSummary(folder.runs, {
            ...summary,
            state: 'interrupted',
            finishedAt: null,
            summary: 'The app ended during this run.',
          });
      }
      if (remembered.state === 'provisioning') await testbeds.update(testbed.name, { state: 'failed' });
    }
    return runs;
  }

  private constructor(testbeds: Testbeds, log: (text: string) => void) {
    this.#testbeds = testbeds;
    this.#log = log;
  }

  get anyInFlight(): boolean {
    return this.#inFlight.size > 0;
  }

  /** The run in flight of a testbed. */
  current(testbed: string): RunSummary | null {
    for (const { summary } of this.#inFlight.values()) if (summary.testbed === testbed) return summary;
    return null;
  }

  /** Starts a run and gives its id at once. @throws ContractError run-in-flight */
  async start(entry: TestbedEntry, verb: RunVerb, words: RunWords, work: RunWork, ends: RunEnds = endsOf(verb)): Promise<string> {
    const testbed = entry.testbed.name;
    const current = this.current(testbed);
    if (current) throw runInFlight(testbed);
    const startedAt = Date.now();
    const run = `${testbed}-${verb}-${stamp(startedAt)}-${randomBytes(3).toString('hex')}`;
    const summary: KeptRun = { run, testbed, verb, state: 'running', startedAt, finishedAt: null, summary: null, words };
    const inFlight: RunInFlight = {
      summary,
      folder: entry.folder.runs,
      events: [],
      heard: new Listeners(),
      abort: new AbortController(),
      gate: new Gate(),
      ended: Promise.resolve(),
      ends,
      before: entry.remembered.state,
      failure: null,
    };
    // Taken before anything is awaited, so that a second start is refused.
    this.#inFlight.set(run, inFlight);
    this.#owners.set(run, testbed);
    try {
      await writeRunSummary(entry.folder.runs, summary);
      await this.#testbeds.update(testbed, { state: 'provisioning', lastRun: run });
    } catch (error) {
      this.#inFlight.delete(run);
      throw error;
    }
    inFlight.ended = this.#carryOut(inFlight, work);
    return run;
  }

  async list(entry: TestbedEntry): Promise<KeptRun[]> {
    const known = await readRunSummaries(entry.folder.runs);
    return known.map((summary) => this.#inFlight.get(summary.run)?.summary ?? summary);
  }

  /** @returns its testbed @throws ContractError no-such-run */
  cancel(run: string): string {
    const owner = this.ownerOf(run);
    this.#inFlight.get(run)?.abort.abort();
    return owner;
  }

  /** @throws ContractError no-such-run; not-running */
  pause(run: string, paused: boolean): void {
    this.ownerOf(run);
    const inFlight = this.#inFlight.get(run);
    if (!inFlight) throw new ContractError('not-running', `The run "${run}" has ended.`);
    if (paused) inFlight.gate.close();
    else inFlight.gate.open();
  }

  /** Whose it is, and what it was asked for. @throws ContractError no-such-run; no-words when an earlier version of the app has made it */
  async wordsOf(run: string): Promise<{ testbed: string; words: RunWords }> {
    const testbed = this.ownerOf(run);
    const kept = (await this.list(this.#testbeds.get(testbed))).find((summary) => summary.run === run);
    if (kept?.words) return { testbed, words: kept.words };
    throw new ContractError('no-words', `It is not known any more what the run "${run}" was asked for.`, 'Start a new one.');
  }

  /** Hears the class of each failure of a run in flight, those that were before too. */
  onFailure(run: string, listener: (code: string) => void): void {
    const inFlight = this.#inFlight.get(run);
    for (const event of inFlight?.events ?? []) if (event.type === 'failure') listener(event.failure.code);
    inFlight?.heard.add((event) => {
      if (event?.type === 'failure') listener(event.failure.code);
    });
  }

  /** Everything that has happened so far, then what happens, in batches, until the run or the watcher ends. @throws ContractError no-such-run */
  async watch(run: string, emit: (events: RunEvent[]) => Promise<void>, signal: AbortSignal): Promise<void> {
    const owner = this.ownerOf(run);
    const inFlight = this.#inFlight.get(run);
    if (!inFlight) {
      const events = await readEvents(journalFile(this.#testbeds.get(owner).folder.runs, run), run);
      for (let at = 0; at < events.length && !signal.aborted; at += batch) await emit(events.slice(at, at + batch));
      return;
    }
    const mailbox = new Mailbox<RunEvent>();
    mailbox.push(...inFlight.events);
    const hearing = inFlight.heard.add((event) => (event === null ? mailbox.end() : mailbox.push(event)));
    try {
      for (let events = await mailbox.take(signal); events; events = await mailbox.take(signal)) {
        for (let at = 0; at < events.length; at += batch) await emit(events.slice(at, at + batch));
      }
    } finally {
      hearing.close();
    }
  }

  /** Cancels what is in flight and waits for it. */
  async close(): Promise<void> {
    const all = [...this.#inFlight.values()];
    for (const { abort } of all) abort.abort();
    await Promise.all(all.map(({ ended }) => ended));
  }

  /** Its testbed. @throws ContractError no-such-run */
  ownerOf(run: string): string {
    const owner = this.#owners.get(run);
    if (owner === undefined) throw new ContractError('no-such-run', `There is no run "${run}".`);
    return owner;
  }

  async #carryOut(inFlight: RunInFlight, work: RunWork): Promise<void> {
    const { summary, folder, abort, gate } = inFlight;
    let journal: Journal | null = null;
    try {
      journal = await Journal.create(journalFile(folder, summary.run));
      const opened = journal;
      const tell = (event: RunEvent) => this.#hear(inFlight, event);
      const emit = (event: RunEvent) => {
        opened.write(event);
        tell(event);
      };
      try {
        await work({ run: summary.run, journal: opened, tell, emit, signal: abort.signal, gate });
        if (summary.state === 'running') throw new Error('the run ended without telling how');
      } catch (error) {
        for (const event of this.#failed(inFlight, error)) emit(event);
      }
    } catch (error) {
      // No journal could be made (a full disk?): the run has not begun.
      for (const event of this.#failed(inFlight, error)) this.#hear(inFlight, event);
    }
    try {
      await journal?.close();
      await writeRunSummary(folder, summary);
      const { ends, before, failure, events } = inFlight;
      const last = events.at(-1);
      const untouched = failure !== null && refusals.has(failure) && last?.type === 'finished' && last.changed === 0;
      const state = summary.state === 'done' ? ends.done : untouched ? before : ends.otherwise;
      await this.#testbeds.update(summary.testbed, { state });
    } catch (error) {
      this.#log(`the end of run ${summary.run} could not be written: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#inFlight.delete(summary.run);
      inFlight.heard.tell(null);
    }
  }

  #hear(inFlight: RunInFlight, event: RunEvent): void {
    const { summary } = inFlight;
    if (event.type === 'finished') {
      summary.state = event.state;
      summary.finishedAt = event.time;
      summary.summary = event.summary;
    }
    if (event.type === 'failure') inFlight.failure ??= event.failure.code;
    inFlight.events.push(event);
    inFlight.heard.tell(event);
    if (event.type === 'started')
      this.#testbeds
        .update(summary.testbed, { doubles: event.doubles })
        .catch((error: Error) => this.#log(`${summary.testbed}: ${error.message}`));
  }

  /** How a run ends that threw; nothing when it has told its end before. */
  #failed({ summary, abort }: RunInFlight, error: unknown): RunEvent[] {
    const known = error instanceof Failure ? error.value : null;
    const cancelled = abort.signal.aborted;
    const cause = error instanceof Error ? error.message : String(error);
    if (!known && !cancelled)
      this.#log(`run ${summary.run}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    if (summary.state !== 'running') return [];
    const time = Date.now();
    const failure = cancelled
      ? { code: 'cancelled', message: `${summary.testbed}: stopped.`, cause: 'it was stopped' }
      : (known ?? { code: 'unexpected', message: cause, cause });
    return [
      { type: 'failure', time, failure },
      {
        type: 'finished',
        time,
        state: cancelled ? 'cancelled' : 'failed',
        changed: 0,
        inPlace: 0,
        wallMs: time - summary.startedAt,
        overheadMs: 0,
        sentBytes: 0,
        summary: failure.message,
      },
    ];
  }
}

export const runInFlight = (testbed: string): ContractError =>
  new ContractError(
    'run-in-flight',
    `A run of "${testbed}" is in flight.`,
    `Wait for its end (testbed runs watch ${testbed}), or cancel it (testbed cancel ${testbed}).`,
  );

/** @throws ContractError unreadable-journal: written by another version, or damaged */
async function readEvents(file: string, run: string): Promise<RunEvent[]> {
  try {
    return await readJournal(file);
  } catch (error) {
    const why = error instanceof ZodError ? z.prettifyError(error).split('\n')[0] : (error as Error).message;
    throw new ContractError(
      'unreadable-journal',
      `The journal of run "${run}" cannot be read: ${why}.`,
      `It may have been written by another version of the app: ${file}`,
    );
  }
}

const stamp = (time: number): string => new Date(time).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
