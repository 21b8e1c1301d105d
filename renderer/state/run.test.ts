import { expect, test } from 'vitest';
import { cellKey, emptyRun, foldRun, runProgress } from './run.ts';
import type { RunEvent } from './types.ts';

const started: RunEvent = {
  type: 'started',
  time: 1000,
  run: 'r1',
  testbed: 'lab',
  verb: 'up',
  hosts: ['a', 'b'],
  phases: [
    { id: 'connect', title: 'Connect' },
    { id: 'kubernetes', title: 'Kubernetes' },
  ],
  doubles: ['kubeadm'],
};
const events: RunEvent[] = [
  started,
  { type: 'cell', time: 1100, phase: 'connect', host: 'a', state: 'running', done: 0, total: 2 },
  { type: 'step', time: 1100, phase: 'connect', host: 'a', step: 's', title: 'Sign in', state: 'running' },
  { type: 'step', time: 1200, phase: 'connect', host: 'a', step: 's', title: 'Sign in', state: 'changed' },
  { type: 'cell', time: 1300, phase: 'connect', host: 'a', state: 'done', durationMs: 200 },
  { type: 'cell', time: 1300, phase: 'connect', host: 'b', state: 'in-place' },
  { type: 'cell', time: 1300, phase: 'kubernetes', host: 'b', state: 'none' },
  { type: 'log', time: 1350, phase: 'kubernetes', host: 'a', stream: 'stderr', text: 'one\ntwo\n' },
  { type: 'cell', time: 1400, phase: 'kubernetes', host: 'a', state: 'failed' },
  {
    type: 'failure',
    time: 1400,
    failure: { message: 'a, kubernetes: no route', host: 'a', phase: 'kubernetes', cause: 'no route', code: 'step' },
  },
];

test('a run told in one batch or event by event gives the same picture', () => {
  const whole = foldRun(emptyRun, events);
  const piecewise = events.reduce((picture, event) => foldRun(picture, [event]), emptyRun);
  expect(piecewise).toEqual(whole);
  expect(whole.cells.get(cellKey('a', 'connect'))).toMatchObject({ state: 'done', total: 2, durationMs: 200, startedAt: 1100 });
  expect(whole.steps).toEqual({ changed: 1, inPlace: 0, running: 0, failed: 0 });
  expect(whole.log.map(({ text, kind }) => [text, kind])).toEqual([
    ['Sign in: changed', 'engine'],
    ['one', 'stderr'],
    ['two', 'stderr'],
    ['no route', 'failure'],
  ]);
  expect(whole.doubles).toEqual(['kubeadm']);
});

test('the picture before is left as it was', () => {
  const before = foldRun(emptyRun, [started]);
  const copy = structuredClone(before);
  foldRun(before, events.slice(1));
  expect(before).toEqual(copy);
});

test('progress counts what is settled of what there is to do', () => {
  expect(runProgress(foldRun(emptyRun, events))).toEqual({ total: 3, changed: 1, inPlace: 1, running: 0, failed: 1, settled: 2 });
});
