import { useRef } from 'react';
import { LayerShape } from '../parts/glyphs.tsx';
import type { Topology } from '../state/types.ts';
import { texts } from '../texts/texts.ts';
import { type Box, type Pill, pathBetween, type TopologyLayout } from './layout.ts';
import { type Arrival, useArrivals } from './relocations.ts';

const words = texts.topology;

interface Flight extends Arrival {
  start: Box;
  end: Box;
}

/** Where a component left from and where it is now: its pill flies over once, and an arrow stays for some seconds. Without motion, the arrow alone. */
export function Arrivals({ topology, layout }: { topology: Topology; layout: TopologyLayout }) {
  const arrivals = useArrivals(topology);
  const starts = useRef(new Map<string, Box>());
  const pills = layout.clusters.flatMap((box) => box.nodes.flatMap((node) => node.pills));
  const nodes = layout.clusters.flatMap((box) => box.nodes);
  const find = (application: string, component: string, node: string): Pill | undefined =>
    pills.find((pill) => pill.application === application && pill.component.name === component && pill.node === node);
  const flights = arrivals.flatMap((arrival): Flight[] => {
    const { application, component, from, to } = arrival;
    const end = find(application, component, to);
    // Its old pill is gone by now: where it stood is remembered, else its place on the node is as good.
    const home = nodes.find(({ node }) => node.name === from);
    const start =
      starts.current.get(`${application}/${component}@${from}`) ??
      (home && { x: home.x + 12, y: home.y + 164, width: home.width - 24, height: 42 });
    return start && end ? [{ ...arrival, start, end }] : [];
  });
  for (const { application, component, node, x, y, width, height } of pills)
    starts.current.set(`${application}/${component.name}@${node}`, { x, y, width, height });
  if (flights.length === 0) return null;
  return (
    <>
      <svg className="lines" width={layout.width} height={layout.height} aria-hidden="true">
        {flights.map(({ id, start, end }) => (
          <path key={id} className="arrived-link" d={pathBetween(start, end)} markerEnd="url(#arrow-head)" />
        ))}
      </svg>
      {flights.map(({ id, component, from, start, end }) => (
        <div key={id}>
          <div
            className="pill flight"
            aria-hidden="true"
            style={{
              left: end.x,
              top: end.y,
              width: end.width,
              height: end.height,
              ['--from-x' as string]: `${start.x - end.x}px`,
              ['--from-y' as string]: `${start.y - end.y}px`,
            }}
          >
            <LayerShape name="component" size={12} />
            <span className="label ellipsis">{component}</span>
          </div>
          <div className="arrived caption" style={{ left: end.x, top: end.y + end.height }}>
            {words.from(from)}
          </div>
        </div>
      ))}
    </>
  );
}
