import { select, zoom, zoomIdentity } from 'd3';
import { createElement } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import type { Topology } from '../../renderer/state/types.ts';
import { FieldGraph } from '../../renderer/topology/field/field-graph.tsx';
import { cellSide, layoutField } from '../../renderer/topology/field/field-layout.ts';

/** What runs in the page of `topology.ts`: ours and a plain d3-SVG drawing of the same nodes, moved and updated frame by frame. */
export interface Frames {
  fps: number;
  /** Time between two frames, ms. */
  p95Ms: number;
}

const clusterCount = 10;

function topologyOf(nodes: number, round: number): Topology {
  const list = Array.from({ length: nodes }, (_, index) => ({
    name: `worker-${index}`,
    cluster: `cluster${(index % clusterCount) + 1}`,
    role: 'worker' as const,
    address: '',
    ready: index % 97 !== 0,
    cores: 4,
    frequencyGHz: 2.4,
    memoryBytes: 2 ** 33,
  }));
  const readings: Topology['readings'] = {};
  for (const [index, { name }] of list.entries()) {
    readings[`cpu_used_ratio|${name}|`] = { value: (Math.sin(index * 0.37 + round) + 1) / 2, time: 0 };
    readings[`power_w|${name}|`] = { value: 30 + ((index * 7 + round * 13) % 40), time: 0 };
  }
  return {
    time: round,
    testbed: 'bench',
    kind: 'twin',
    doubles: [],
    continuum: { name: 'continuum', karmada: null },
    clusters: Array.from({ length: clusterCount }, (_, index) => ({
      name: `cluster${index + 1}`,
      kubernetes: null,
      joined: true,
      role: 'member' as const,
    })),
    nodes: list,
    agents: [],
    applications: [],
    readings,
  };
}

/** Runs `step` before each frame for so long, and tells how the frames came. */
function frames(forMs: number, step: (frame: number) => void): Promise<Frames> {
  return new Promise((resolve) => {
    const gaps: number[] = [];
    let last = 0;
    const begun = performance.now();
    const turn = (now: number) => {
      if (last > 0) gaps.push(now - last);
      last = now;
      if (now - begun > forMs) {
        gaps.sort((a, b) => a - b);
        const total = gaps.reduce((sum, gap) => sum + gap, 0);
        resolve({ fps: (1000 * gaps.length) / total, p95Ms: gaps[Math.floor(gaps.length * 0.95)] ?? 0 });
        return;
      }
      step(gaps.length);
      requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
  });
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 500));

async function ours(nodes: number, forMs: number): Promise<{ pan: Frames; update: Frames }> {
  const place = document.getElementById('root')!;
  place.replaceChildren();
  const root = createRoot(place);
  const pictures = [0, 1, 2, 3].map((round) => topologyOf(nodes, round));
  const show = (frame: number) => flushSync(() => root.render(createElement(FieldGraph, { topology: pictures[frame % 4]! })));
  show(0);
  await settle();
  const field = place.querySelector('.node-field')!;
  const point = (type: string, x: number) =>
    field.dispatchEvent(
      new PointerEvent(type, { bubbles: true, pointerId: 1, button: 0, buttons: 1, clientX: 640 + x, clientY: 400 }),
    );
  // Capturing wants a pointer that is really there.
  Element.prototype.setPointerCapture = () => {};
  point('pointerdown', 0);
  const pan = await frames(forMs, (frame) => point('pointermove', Math.sin(frame / 10) * 200));
  point('pointerup', 0);
  const update = await frames(forMs, show);
  root.unmount();
  return { pan, update };
}

async function d3Svg(nodes: number, forMs: number): Promise<{ pan: Frames; update: Frames }> {
  const place = document.getElementById('root')!;
  place.replaceChildren();
  const first = topologyOf(nodes, 0);
  const layout = layoutField(first);
  const svg = select(place).append('svg').attr('width', 1280).attr('height', 720);
  const world = svg.append('g');
  const behaviour = zoom<SVGSVGElement, unknown>().on('zoom', (event: { transform: string }) =>
    world.attr('transform', event.transform),
  );
  svg.call(behaviour);
  const scale = Math.min(1280 / layout.width, 720 / layout.height);
  const pictures = [0, 1, 2, 3].map((round) => topologyOf(nodes, round));
  const fill = (picture: Topology) => (_: unknown, index: number) =>
    `hsl(220 20% ${90 - 60 * (picture.readings[`cpu_used_ratio|${layout.nodes[index]!.name}|`]?.value ?? 0)}%)`;
  const cells = world
    .selectAll('rect')
    .data(layout.nodes)
    .join('rect')
    .attr('width', cellSide)
    .attr('height', cellSide)
    .attr('x', (_, index) => layout.x[index]!)
    .attr('y', (_, index) => layout.y[index]!)
    .attr('fill', fill(first));
  const to = (x: number) => svg.call(behaviour.transform, zoomIdentity.translate(x, 0).scale(scale));
  to(0);
  await settle();
  const pan = await frames(forMs, (frame) => to(Math.sin(frame / 10) * 200));
  const update = await frames(forMs, (frame) => cells.attr('fill', fill(pictures[frame % 4]!)));
  return { pan, update };
}

Object.assign(window, { bench: { ours, d3Svg } });
