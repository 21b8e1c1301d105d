import type { Engine } from './engine.ts';
import { gaussianOf, type RandomStreams } from './random.ts';

/** How far the load of a node's own services strays from its usual share (standard deviation), and for about how long. */
const strays = 0.01;
const forgetsMs = 20_000;
/** Mean time between two changes. */
const everyMs = 10_000;

/** Lets the load of nodes' own services wander: an Ornstein–Uhlenbeck process (exact in its steps), seen at random times. */
export function startWandering(engine: Engine, random: RandomStreams): void {
  const { machines } = engine;
  const since = new Float64Array(machines.count).fill(engine.now);
  const kind = engine.process((node, now) => {
    const keep = Math.exp(-(now - since[node]!) / forgetsMs);
    since[node] = now;
    const shake = strays * Math.sqrt(1 - keep * keep);
    machines.wander[node] = keep * machines.wander[node]! + shake * gaussianOf(random.of(node), random.of(node));
    engine.updateNode(node);
    engine.schedule(now + wait(node), kind, node);
  });
  const wait = (node: number): number => -Math.log(1 - random.of(node)) * everyMs;
  for (let node = 0; node < machines.count; node++) engine.schedule(engine.now + wait(node), kind, node);
}
