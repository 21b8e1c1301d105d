import { useEffect, useRef, useState } from 'react';
import type { ApplicationStatus, Topology } from '../state/types.ts';

export interface Move {
  application: string;
  component: string;
  from: string;
  to: string;
}

/** For so long after it arrived a component is shown as one that came from elsewhere, ms. */
const rememberedMs = 8000;

type Placed = Pick<ApplicationStatus, 'application' | 'components'>;

/** Where each component serves: on the node where it runs, or still runs. One with several instances has no single place. */
function servingNodes(applications: readonly Placed[]): Map<string, string> {
  const nodes = new Map<string, string>();
  const several = new Set<string>();
  for (const { application, components } of applications)
    for (const { name, node, state } of components) {
      if (node === null || (state !== 'running' && state !== 'leaving')) continue;
      const key = `${application}/${name}`;
      // While it moves, the old one leaves and the new one runs already: the new one counts.
      if (state === 'leaving' && nodes.has(key)) continue;
      if (state === 'running' && nodes.has(key) && nodes.get(key) !== node) {
        const isOldOne = components.some((one) => one.name === name && one.state === 'leaving');
        if (!isOldOne) several.add(key);
      }
      nodes.set(key, node);
    }
  for (const key of several) nodes.delete(key);
  return nodes;
}

/** Components that serve from another node in the later picture. */
export function movesBetween(before: readonly Placed[], after: readonly Placed[]): Move[] {
  const then = servingNodes(before);
  const moves: Move[] = [];
  for (const [key, to] of servingNodes(after)) {
    const from = then.get(key);
    const cut = key.indexOf('/');
    if (from !== undefined && from !== to)
      moves.push({ application: key.slice(0, cut), component: key.slice(cut + 1), from, to });
  }
  return moves;
}

/** Components that are on their way: the old one still serves while the new one starts. */
export function movesUnderWay(applications: readonly Placed[]): Move[] {
  return applications.flatMap(({ application, components }) =>
    components.flatMap((leaving): Move[] => {
      if (leaving.state !== 'leaving' || leaving.node === null) return [];
      const coming = components.find((one) => one.name === leaving.name && one !== leaving && one.node !== null);
      return coming?.node && coming.node !== leaving.node
        ? [{ application, component: leaving.name, from: leaving.node, to: coming.node }]
        : [];
    }),
  );
}

export interface Arrival extends Move {
  /** Differs for each move, also for the same one again. */
  id: number;
}

/** Moves that were seen between two pictures, for some seconds each: a relocation that is done within a second is seen too, live as in the past. */
export function useArrivals(topology: Topology): readonly Arrival[] {
  const before = useRef(topology);
  const next = useRef(1);
  const [arrivals, setArrivals] = useState<readonly Arrival[]>([]);
  const timers = useRef(new Set<ReturnType<typeof setTimeout>>());
  useEffect(() => {
    const earlier = before.current;
    before.current = topology;
    if (earlier === topology || earlier.testbed !== topology.testbed) return;
    const moves = movesBetween(earlier.applications, topology.applications).map((move) => ({ ...move, id: next.current++ }));
    if (moves.length === 0) return;
    setArrivals((known) => [
      ...known.filter((one) => !moves.some((move) => move.component === one.component && move.application === one.application)),
      ...moves,
    ]);
    const timer = setTimeout(() => {
      timers.current.delete(timer);
      setArrivals((known) => known.filter((one) => !moves.some(({ id }) => id === one.id)));
    }, rememberedMs);
    timers.current.add(timer);
  }, [topology]);
  useEffect(() => () => timers.current.forEach(clearTimeout), []);
  return arrivals;
}
