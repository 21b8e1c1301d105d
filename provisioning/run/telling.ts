import type { Host } from '../testbed/schema.ts';
import type { CellState, RunEvent, RunVerb } from './events.ts';
import type { Failure } from './failure.ts';
import type { Journal } from './journal.ts';
import type { Redactor } from './redact.ts';

export type FinishedEvent = Extract<RunEvent, { type: 'finished' }>;
type Body<T> = T extends RunEvent ? Omit<T, 'time'> : never;

/** How a run tells what it does: into its journal and to who listens, secrets taken out. Counts what its end is made of. */
export class Telling {
  readonly #options: { journal: Journal; redactor: Redactor; now: () => number; onEvent?: (event: RunEvent) => void };
  failures = 0;
  warnings = 0;

  constructor(options: { journal: Journal; redactor: Redactor; now: () => number; onEvent?: (event: RunEvent) => void }) {
    this.#options = options;
  }

  emit(body: Body<RunEvent>): RunEvent {
    const event = this.#options.redactor.value({ ...body, time: this.#options.now() } as RunEvent);
    this.#options.journal.write(event);
    this.#options.onEvent?.(event);
    return event;
  }

  fail(failure: Failure): void {
    if (failure.value.code !== 'cancelled') this.failures++;
    this.emit({ type: 'failure', failure: failure.value });
  }

  warn(text: string, how: { host?: string; phase?: string; remedy?: string } = {}): void {
    this.warnings++;
    this.emit({ type: 'warning', phase: how.phase ?? '', host: how.host, text, remedy: how.remedy });
  }

  cell(
    phase: string,
    host: Host,
    state: CellState,
    more: { detail?: string; durationMs?: number; done?: number; total?: number } = {},
  ): void {
    this.emit({ type: 'cell', phase, host: host.name, state, ...more });
  }

  finish(
    testbed: string,
    verb: RunVerb,
    end: Pick<FinishedEvent, 'state' | 'changed' | 'inPlace' | 'wallMs' | 'overheadMs' | 'sentBytes'>,
  ): FinishedEvent {
    return this.emit({ type: 'finished', ...end, summary: this.#summary(testbed, verb, end) }) as FinishedEvent;
  }

  #summary(
    testbed: string,
    verb: RunVerb,
    {
      state,
      changed,
      inPlace,
      wallMs,
      overheadMs,
    }: Pick<FinishedEvent, 'state' | 'changed' | 'inPlace' | 'wallMs' | 'overheadMs'>,
  ): string {
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
    const what = verb === 'down' ? `${changed} undone` : `${changed} changed, ${inPlace} already in place`;
    const warnings = this.warnings > 0 ? `, ${this.warnings} warning${this.warnings > 1 ? 's' : ''}` : '';
    const numbers = `${what}${warnings}; ${seconds(wallMs)}, of which ${seconds(overheadMs)} our own`;
    const plain = verb === 'up' || verb === 'down';
    if (state === 'done') return plain ? `${testbed} is ${verb}: ${numbers}` : `${testbed}: ${verb} is done: ${numbers}`;
    const again = `Run "${verb}" again to go on from there`;
    if (state === 'cancelled') return `${testbed} was stopped: ${numbers}. ${again}`;
    return `${testbed}${plain ? ` is not ${verb}` : `: ${verb} is not done`}: ${this.failures} failed; ${numbers}. ${again}`;
  }
}
