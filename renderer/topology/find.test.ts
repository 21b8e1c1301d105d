import { expect, test } from 'vitest';
import type { Topology } from '../state/types.ts';
import { findInTopology } from './find.ts';

const topology = {
  nodes: [{ name: 'worker-10' }, { name: 'worker-1' }],
  clusters: [{ name: 'edge' }],
  applications: [
    {
      application: 'camera',
      components: [
        { name: 'classifier', node: 'worker-1' },
        { name: 'late', node: null },
      ],
    },
  ],
} as unknown as Topology;

test('an exact name comes before one that only begins so', () => {
  expect(findInTopology(topology, 'Worker-1')).toEqual({ kind: 'node', name: 'worker-1' });
  expect(findInTopology(topology, 'work')).toEqual({ kind: 'node', name: 'worker-10' });
  expect(findInTopology(topology, 'dge')).toEqual({ kind: 'cluster', name: 'edge' });
  expect(findInTopology(topology, 'class')).toEqual({
    kind: 'component',
    application: 'camera',
    name: 'classifier',
    node: 'worker-1',
  });
  expect(findInTopology(topology, 'late')).toBeNull();
  expect(findInTopology(topology, ' ')).toBeNull();
});
