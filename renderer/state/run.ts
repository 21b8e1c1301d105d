import { texts } from '../texts/texts.ts';
import type { CellState, FailureValue, RunEvent } from './types.ts';

const words = texts.state;

export interface RunCell {
  state: CellState;
  detail: string | null;
  done: number | null;
  total: number | null;
  durationMs: number | null;
  startedAt: number | null;
}
export interface LogLine {
  time: number;
  host: string;
  phase: string;
  text: string;
  kind: 'stdout' | 'stderr' | 'engine' | 'warning' | 'failure';
}
export type FinishedEvent = Extract<RunEvent, { type: 'finished' }>;

/** What a run looks like now: its events folded. */
export interface RunPicture {
  run: string | null;
  testbed: string | null;
  verb: Extract<RunEvent, { type: 'started' }>['verb'];
  startedAt: number | null;
  lastTime: number | null;
  hosts: string[];
  phases: { id: string; title: string }[];
  doubles: string[];
  cells: ReadonlyMap<string, RunCell>;
  steps: { changed: number; inPlace: number; running: number; failed: number };
  log: readonly LogLine[];
  warnings: Extract<RunEvent, { type: 'warning' }>[];
  failures: FailureValue[];
  /** Nothing further is begun. */
  paused: boolean;
  finished: FinishedEvent | null;
}

export const emptyRun: RunPicture = {
  run: null,
  testbed: null,
  verb: 'up',
  startedAt: null,
  lastTime: null,
  hosts: [],
  phases: [],
  doubles: [],
  cells: new Map(),
  steps: { changed: 0, inPlace: 0, running: 0, failed: 0 },
  log: [],
  warnings: [],
  failures: [],
  paused: false,
  finished: null,
};

/** Lines kept in the window; the journal has them all. */
const keptLines = 20_000;
export const cellKey = (host: string, phase: string): string => `${host}|${phase}`;

/** Folds a batch of events; the picture before stays as it was. */
export function foldRun(before: RunPicture, events: readonly RunEvent[]): RunPicture {
  const cells = new Map(before.cells);
  const log = [...before.log];
  const next: RunPicture = { ...before, cells, log, steps: { ...before.steps } };
  const say = (line: LogLine) => log.push(line);
  for (const event of events) {
    next.lastTime = event.time;
    switch (event.type) {
      case 'started':
        next.run = event.run;
        next.testbed = event.testbed;
        next.verb = event.verb;
        next.startedAt = event.time;
        next.hosts = event.hosts;
        next.phases = event.phases;
        next.doubles = event.doubles;
        break;
      case 'phase':
        break;
      case 'cell': {
        const key = cellKey(event.host, event.phase);
        const old = cells.get(key);
        cells.set(key, {
          state: event.state,
          detail: event.detail ?? null,
          done: event.done ?? old?.done ?? null,
          total: event.total ?? old?.total ?? null,
          durationMs: event.durationMs ?? null,
          startedAt: event.state === 'running' ? (old?.startedAt ?? event.time) : (old?.startedAt ?? null),
        });
        break;
      }
      case 'step':
        if (event.state === 'running') {
          next.steps.running++;
          break;
        }
        next.steps.running = Math.max(0, next.steps.running - 1);
        if (event.state === 'changed') next.steps.changed++;
        else if (event.state === 'in-place') next.steps.inPlace++;
        else next.steps.failed++;
        if (event.state !== 'in-place') {
          const word = event.state === 'changed' ? 'changed' : 'failed';
          say({
            time: event.time,
            host: event.host,
            phase: event.phase,
            text: `${event.title}: ${word}`,
            kind: event.state === 'failed' ? 'failure' : 'engine',
          });
        }
        break;
      case 'log':
        for (const text of event.text.replace(/\n$/, '').split('\n'))
          say({ time: event.time, host: event.host, phase: event.phase, text, kind: event.stream });
        break;
      case 'warning':
        next.warnings = [...next.warnings, event];
        say({ time: event.time, host: event.host ?? '', phase: event.phase, text: event.text, kind: 'warning' });
        break;
      case 'failure':
        next.failures = [...next.failures, event.failure];
        say({
          time: event.time,
          host: event.failure.host ?? '',
          phase: event.failure.phase ?? '',
          text: event.failure.cause,
          kind: 'failure',
        });
        break;
      case 'paused': {
        next.paused = event.paused;
        const text = event.paused ? words.pausedWhat : words.goesOn;
        say({ time: event.time, host: '', phase: '', text, kind: 'engine' });
        break;
      }
      case 'finished':
        next.paused = false;
        next.finished = event;
        next.steps.running = 0;
        say({ time: event.time, host: '', phase: '', text: event.summary, kind: event.state === 'done' ? 'engine' : 'failure' });
        break;
    }
  }
  if (log.length > keptLines) log.splice(0, log.length - keptLines);
  return next;
}

/** Cells that have something to do, by state; the share of them that is settled is the progress. */
export function runProgress(run: RunPicture): {
  total: number;
  changed: number;
  inPlace: number;
  running: number;
  failed: number;
  settled: number;
} {
  const states = run.hosts.flatMap((host) =>
    run.phases.map((phase) => run.cells.get(cellKey(host, phase.id))?.state ?? 'waiting'),
  );
  const number = (...wanted: CellState[]) => states.filter((state) => wanted.includes(state)).length;
  const changed = number('done', 'warning');
  const inPlace = number('in-place');
  return {
    total: states.length - number('none'),
    changed,
    inPlace,
    running: number('running'),
    failed: number('failed'),
    settled: changed + inPlace,
  };
}
