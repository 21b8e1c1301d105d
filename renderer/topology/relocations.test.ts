import { expect, test } from 'vitest';
import { movesBetween, movesUnderWay } from './relocations.ts';

type State = 'pending' | 'starting' | 'running' | 'leaving' | 'failed';
const app = (...components: [name: string, node: string | null, state: State][]) => [
  {
    application: 'smart-camera',
    components: components.map(([name, node, state]) => ({ name, node, state, pod: null, sendsTo: [] })),
  },
];
const move = { application: 'smart-camera', component: 'detector', from: 'worker-1', to: 'worker-2' };

test('a component that serves from another node has moved', () => {
  expect(movesBetween(app(['detector', 'worker-1', 'running']), app(['detector', 'worker-2', 'running']))).toEqual([move]);
  expect(
    movesBetween(
      app(['detector', 'worker-1', 'running']),
      app(['detector', 'worker-1', 'leaving'], ['detector', 'worker-2', 'running']),
    ),
  ).toEqual([move]);
});

test('one that comes, goes, starts or has several places has not', () => {
  const before = app(['detector', 'worker-1', 'running']);
  expect(movesBetween(before, app(['detector', 'worker-2', 'starting']))).toEqual([]);
  expect(movesBetween([], before)).toEqual([]);
  expect(movesBetween(before, [])).toEqual([]);
  const several = app(['detector', 'worker-1', 'running'], ['detector', 'worker-2', 'running']);
  expect(movesBetween(before, several)).toEqual([]);
  expect(movesBetween(several, app(['detector', 'worker-2', 'running']))).toEqual([]);
});

test('one that leaves while it starts elsewhere is on its way', () => {
  expect(movesUnderWay(app(['detector', 'worker-1', 'leaving'], ['detector', 'worker-2', 'starting']))).toEqual([move]);
  expect(movesUnderWay(app(['detector', 'worker-1', 'leaving'], ['detector', null, 'pending']))).toEqual([]);
});
