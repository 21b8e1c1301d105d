import type { CellState, FailureValue, RunEvent } from '../../provisioning/run/events.ts';

export interface CellPicture {
  state: CellState;
  detail: string;
  done: number | null;
  total: number | null;
  since: number;
  durationMs: number | null;
}

/** What a run has told so far, as it is drawn. */
export interface RunPicture {
  verb: string;
  testbed: string;
  startedAt: number;
  hosts: string[];
  phases: {
    id: string;
    title: string;
    state: 'waiting' | 'running' | 'done' | 'failed' | 'skipped';
    durationMs: number | null;
  }[];
  cells: Map<string, CellPicture>;
  warnings: Extract<RunEvent, { type: 'warning' }>[];
  failures: FailureValue[];
  doubles: string[];
  finished: Extract<RunEvent, { type: 'finished' }> | null;
}

export const emptyPicture = (): RunPicture => ({
  verb: 'up',
  testbed: '',
  startedAt: 0,
  hosts: [],
  phases: [],
  cells: new Map(),
  warnings: [],
  failures: [],
  doubles: [],
  finished: null,
});

export const cellOf = (picture: RunPicture, phase: string, host: string): CellPicture | undefined =>
  picture.cells.get(`${phase} ${host}`);

/** Takes one event into the picture. */
export function takeIn(picture: RunPicture, event: RunEvent): void {
  switch (event.type) {
    case 'started':
      picture.verb = event.verb;
      picture.testbed = event.testbed;
      picture.startedAt = event.time;
      picture.hosts = event.hosts;
      picture.doubles = event.doubles;
      picture.phases = event.phases.map(({ id, title }) => ({ id, title, state: 'waiting', durationMs: null }));
      return;
    case 'phase': {
      const phase = picture.phases.find(({ id }) => id === event.phase);
      if (phase) Object.assign(phase, { state: event.state, durationMs: event.durationMs ?? phase.durationMs });
      return;
    }
    case 'cell': {
      const key = `${event.phase} ${event.host}`;
      const before = picture.cells.get(key);
      picture.cells.set(key, {
        state: event.state,
        detail: event.detail ?? '',
        done: event.done ?? null,
        total: event.total ?? null,
        since: before?.state === event.state ? before.since : event.time,
        durationMs: event.durationMs ?? null,
      });
      return;
    }
    case 'warning':
      picture.warnings.push(event);
      return;
    case 'failure':
      picture.failures.push(event.failure);
      return;
    case 'finished':
      picture.finished = event;
      return;
    default:
      return;
  }
}
