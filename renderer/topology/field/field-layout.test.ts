import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aggregate, shadeOf, shades, standings } from './field-figures.ts';
import { cellSide, hitAt, layoutField, neighbourOf } from './field-layout.ts';
import { fitView, reveal, zoomAt } from './field-view.ts';

const field = (sizes: readonly number[]) =>
  layoutField({
    clusters: sizes.map((_, at) => ({ name: `cluster${at}`, kubernetes: null, joined: true, role: 'member' as const })),
    nodes: sizes.flatMap((size, at) =>
      Array.from({ length: size }, (_, index) => ({
        name: `c${at}-worker-${index}`,
        cluster: `cluster${at}`,
        role: 'worker' as const,
        address: '',
        ready: true,
        cores: 4,
        frequencyGHz: null,
        memoryBytes: null,
      })),
    ),
  });
const sizes = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 5 });

describe('the field of many nodes', () => {
  test('gives each node a cell of its own, inside its cluster, found again by its middle', () => {
    fc.assert(
      fc.property(sizes, (counts) => {
        const layout = field(counts);
        const places = new Set<string>();
        const wrong: string[] = [];
        for (let index = 0; index < layout.nodes.length; index++) {
          const [x, y] = [layout.x[index]!, layout.y[index]!];
          places.add(`${x},${y}`);
          const hit = hitAt(layout, x + cellSide / 2, y + cellSide / 2);
          const { name, cluster } = layout.nodes[index]!;
          if (hit?.kind !== 'node' || hit.index !== index) wrong.push(name);
          if (layout.panels[layout.panelOf[index]!]!.cluster.name !== cluster) wrong.push(name);
        }
        expect(wrong).toEqual([]);
        expect(places.size).toBe(layout.nodes.length);
        for (const [at, a] of layout.panels.entries())
          for (const b of layout.panels.slice(at + 1))
            expect(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y).toBe(true);
      }),
    );
  });

  test('has arrow keys lead back to where they came from within a cluster, and on into the next one', () => {
    const layout = field([100, 100]);
    expect(neighbourOf(layout, neighbourOf(layout, 20, 1, 0), -1, 0)).toBe(20);
    expect(neighbourOf(layout, neighbourOf(layout, 20, 0, 1), 0, -1)).toBe(20);
    const beyond = [neighbourOf(layout, 99, 0, 1), neighbourOf(layout, layout.panels[0]!.columns - 1, 1, 0)];
    expect(beyond.map((index) => layout.nodes[index]!.cluster)).toContain('cluster1');
    expect(neighbourOf(layout, 0, -1, 0)).toBe(0);
  });

  test('keeps the point under the pointer when it zooms, and brings what is sought into sight', () => {
    const view = { x: 10, y: 20, scale: 0.5 };
    const zoomed = zoomAt(view, 2, 300, 200, 0.1);
    expect((300 - zoomed.x) / zoomed.scale).toBeCloseTo((300 - view.x) / view.scale);
    expect((200 - zoomed.y) / zoomed.scale).toBeCloseTo((200 - view.y) / view.scale);
    const screen = { width: 800, height: 600 };
    const seen = reveal({ x: 0, y: 0, scale: 1 }, { x: 5000, y: 100, width: 24, height: 24 }, screen);
    expect(5000 + seen.x).toBeGreaterThan(0);
    expect(5024 + seen.x).toBeLessThan(800);
    expect(seen.y).toBe(0);
    const layout = field([1000]);
    const fitted = fitView(layout, screen);
    expect(layout.width * fitted.scale).toBeLessThanOrEqual(800);
    expect(layout.height * fitted.scale).toBeLessThanOrEqual(600);
  });

  test('puts cells together into tiles: their mean, and whether one of them is down', () => {
    const panel = { first: 0, count: 5, columns: 4 };
    const tiles = aggregate(
      {
        share: Float32Array.from([0, 1, 0.5, Number.NaN, 0.25]),
        standing: Uint8Array.from([0, standings.busy, 0, standings.unknown, standings.down]),
      },
      panel,
      2,
    );
    expect(tiles).toMatchObject([
      { column: 0, row: 0, busy: 1, down: 1 },
      { column: 1, row: 0, share: 0.5, busy: 0, down: 0 },
    ]);
    expect(tiles[0]!.share).toBeCloseTo(1.25 / 3);
  });

  test('has a shade for every share, and one more for what nobody told', () => {
    expect([0, 0.999, 1, 1.7, -1].map(shadeOf)).toEqual([0, shades - 1, shades - 1, shades - 1, 0]);
    expect(shadeOf(Number.NaN)).toBe(shades);
  });
});
