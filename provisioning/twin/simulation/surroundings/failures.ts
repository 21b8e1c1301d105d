import { type RandomStreams, waitingTime } from '../random.ts';
import type { World } from '../world.ts';

/** What goes wrong with a node or with its link. */
export type Fault =
  /** The node is off. */
  | { kind: 'crash'; node: string }
  /** The node's link carries nothing. */
  | { kind: 'cut'; node: string }
  /** The node works at this share of its speed. */
  | { kind: 'slow'; node: string; speed: number }
  /** Something that no component accounts for takes this share of the node's processors, and its link loses so many packets. */
  | { kind: 'misbehave'; node: string; steals: number; loses: number };

/** A fault on schedule. */
export interface PlannedFault {
  /** Since the beginning. */
  afterMs: number;
  forMs: number;
  fault: Fault;
}

/** Faults at random: of each node, independent of all others. */
export interface RandomFaults {
  kind: Fault['kind'];
  nodes: readonly string[];
  /** Mean times of exponential distributions. */
  everyMs: number;
  forMs: number;
}

/** Lets things go wrong, and right again. @param onFault told of each beginning and end */
export function startFailures(
  world: World,
  { planned, chance }: { planned: readonly PlannedFault[]; chance: readonly RandomFaults[] },
  random: RandomStreams,
  onFault: (fault: Fault, isOver: boolean) => void = () => {},
): void {
  for (const { fault } of planned) world.indexOf(fault.node);
  world.whenRunning((engine) => {
    const faults = [...planned];
    const turn = (index: number, isOver: boolean): void => {
      const { fault } = faults[index]!;
      put(world, fault, index, isOver);
      onFault(fault, isOver);
    };
    const begins = engine.process((index) => {
      turn(index, false);
      engine.schedule(engine.now + faults[index]!.forMs, ends, index);
    });
    const ends = engine.process((index, now) => {
      turn(index, true);
      again.get(index)?.(now);
    });
    const again = new Map<number, (now: number) => void>();
    for (const [index, { afterMs }] of planned.entries()) engine.schedule(engine.now + afterMs, begins, index);
    for (const { kind, nodes, everyMs, forMs } of chance)
      for (const node of nodes) {
        const stream = world.indexOf(node);
        const draw = (): number => random.of(stream);
        const fault = faultOf(kind, node, draw());
        const index = faults.push({ afterMs: 0, forMs: waitingTime(draw, forMs), fault }) - 1;
        const next = (now: number): void => {
          faults[index]!.forMs = waitingTime(draw, forMs);
          engine.schedule(now + waitingTime(draw, everyMs), begins, index);
        };
        again.set(index, next);
        next(engine.now);
      }
  });
}

function faultOf(kind: Fault['kind'], node: string, chance: number): Fault {
  switch (kind) {
    case 'slow':
      return { kind, node, speed: 0.2 + 0.5 * chance };
    case 'misbehave':
      return { kind, node, steals: 0.3 + 0.6 * chance, loses: 0.1 * chance };
    default:
      return { kind, node };
  }
}

/** Every fault has a cause of its own: of two at once, the one that ends first does not heal the other. */
function put(world: World, fault: Fault, index: number, isOver: boolean): void {
  const cause = `fault-${index}`;
  switch (fault.kind) {
    case 'crash':
      world.conditions.setUp(fault.node, isOver, cause);
      break;
    case 'cut':
      world.conditions.disturb(fault.node, cause, isOver ? null : { cut: true });
      break;
    case 'slow':
      world.conditions.disturb(fault.node, cause, isOver ? null : { speed: fault.speed });
      break;
    case 'misbehave':
      world.conditions.disturb(fault.node, cause, isOver ? null : { steals: fault.steals, loses: fault.loses });
      break;
  }
}
