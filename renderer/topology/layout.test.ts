import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Topology } from '../state/types.ts';
import { type Box, layoutTopology, pathBetween } from './layout.ts';

type Roles = Topology['nodes'][number]['role'];

function topology(clusters: Record<string, [string, Roles][]>, components: [string, string, string][] = []): Topology {
  return {
    time: 0,
    testbed: 'lab',
    kind: 'twin',
    doubles: [],
    continuum: { name: 'continuum', karmada: null },
    clusters: Object.keys(clusters).map((name) => ({
      name,
      kubernetes: null,
      joined: true,
      role: name === 'management' ? 'management' : 'member',
    })),
    nodes: Object.entries(clusters).flatMap(([cluster, nodes]) =>
      nodes.map(([name, role]) => ({
        name,
        cluster,
        role,
        address: '',
        ready: true,
        cores: 4,
        frequencyGHz: null,
        memoryBytes: null,
      })),
    ),
    agents: [],
    applications: [
      {
        application: 'smart-camera',
        cluster: 'cluster1',
        time: 0,
        state: 'deployed',
        targets: [],
        components: components.map(([name, node, state]) => ({
          name,
          node,
          state: state as 'running',
          pod: `${name}-${node}`,
          sendsTo: name === 'camera' ? ['detector'] : [],
        })),
      },
    ],
    readings: {},
  };
}

const lab = {
  management: [['management', 'management']],
  cluster1: [
    ['worker-2', 'worker'],
    ['master-1', 'master'],
    ['worker-1', 'worker'],
  ],
} satisfies Record<string, [string, Roles][]>;
const overlap = (a: Box, b: Box) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

describe('the layout of the topology', () => {
  test('puts masters before workers and lets a cluster span exactly its nodes', () => {
    const { clusters } = layoutTopology(topology(lab), 1048, 752);
    const member = clusters[1];
    expect(clusters.map((box) => box.cluster.name)).toEqual(['management', 'cluster1']);
    expect(member?.nodes.map((box) => box.node.name)).toEqual(['master-1', 'worker-1', 'worker-2']);
    expect(member?.x).toBe(member?.nodes[0]?.x);
    expect((member?.x ?? 0) + (member?.width ?? 0)).toBe((member?.nodes[2]?.x ?? 0) + (member?.nodes[2]?.width ?? 0));
    // As in the visual reference: 206-px boxes from 96 on, 244 apart.
    expect(clusters.flatMap((box) => box.nodes.map((node) => node.x))).toEqual([96, 340, 584, 828]);
  });

  test('keeps every place when readings and states change', () => {
    const before = topology(lab, [['camera', 'worker-1', 'running']]);
    const after: Topology = {
      ...before,
      time: 5,
      readings: { 'cpu_used_ratio|worker-1|': { value: 0.9, time: 5 } },
      nodes: before.nodes.map((node) => ({ ...node, ready: false })).reverse(),
    };
    const places = (one: Topology) =>
      layoutTopology(one, 1300, 752).clusters.flatMap((box) => box.nodes.map(({ x, y, node }) => [node.name, x, y]));
    expect(places(after)).toEqual(places(before));
  });

  test('never lets boxes overlap, whatever the clusters are', () => {
    const names = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(names, fc.integer({ min: 300, max: 3000 }), fc.integer({ min: 300, max: 2000 }), (sizes, width, height) => {
        const clusters = Object.fromEntries(
          sizes.map((size, index) => [
            `c${index}`,
            Array.from({ length: size }, (_, at): [string, Roles] => [`n${index}-${at}`, 'worker']),
          ]),
        );
        const layout = layoutTopology(topology(clusters), width, height);
        const boxes: Box[] = [layout.continuum, ...layout.clusters.flatMap((box) => [box, ...box.nodes, ...box.squares])];
        for (const [index, box] of boxes.entries()) {
          for (const other of boxes.slice(index + 1)) expect(overlap(box, other)).toBe(false);
          expect(box.x + box.width).toBeLessThanOrEqual(layout.width);
          expect(box.y + box.height).toBeLessThanOrEqual(layout.height);
        }
        expect(layout.clusters.reduce((sum, box) => sum + box.nodes.length + box.squares.length, 0)).toBe(
          sizes.reduce((a, b) => a + b, 0),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('draws data paths between components and dashes from where one leaves to where it starts', () => {
    const moving = topology(lab, [
      ['camera', 'worker-1', 'running'],
      ['detector', 'worker-1', 'leaving'],
      ['detector', 'worker-2', 'starting'],
    ]);
    const { links } = layoutTopology(moving, 1048, 752);
    expect(links.map(({ from, to, kind }) => [from, to, kind])).toEqual([
      ['camera', 'detector', 'data'],
      ['detector', 'detector', 'moving'],
    ]);
  });

  test('leaves a box on the side that faces the other', () => {
    const a = { x: 100, y: 100, width: 180, height: 42 };
    const b = { x: 400, y: 100, width: 180, height: 42 };
    expect(pathBetween(a, b)).toBe('M280 121H396');
    expect(pathBetween(b, a)).toBe('M400 121H284');
  });
});
