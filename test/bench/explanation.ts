import { stdout } from 'node:process';
import { evaluate, premise, treesOf } from '../../agents/decision/expression.ts';
import type { Tree, TreeNode } from '../../agents/decision/trees.ts';
import { contributions, seeded } from '../../agents/explanation/contributions.ts';

/** Exact Shapley values of 20 premises on a forest of 100 full trees of depth 6, every premise off its usual value. */
const treeCount = 100;
const depth = 6;
const features = 20;
const rounds = 400;
const targetMs = 5;

const random = seeded(42);
function fullTree(): Tree {
  const splits = 2 ** depth - 1;
  // In order of breadth: the children of node i are 2i + 1 and 2i + 2.
  return Array.from(
    { length: 2 ** (depth + 1) - 1 },
    (_, index): TreeNode =>
      index < splits ? [Math.floor(random() * features), random(), 2 * index + 1, 2 * index + 2] : [random() * 100],
  );
}
const ids = Array.from({ length: features }, (_, index) => `x${index}`);
const score = treesOf(ids.map(premise), Array.from({ length: treeCount }, fullTree), 1 / treeCount);
const point = (): Record<string, number> => Object.fromEntries(ids.map((id) => [id, random()]));

const times: number[] = [];
let worst = 0;
for (let round = 0; round < rounds; round++) {
  const [actual, usual] = [point(), point()];
  const began = performance.now();
  const { values } = contributions(score, actual, usual);
  times.push(performance.now() - began);
  const sum = [...values.values()].reduce((total, value) => total + value, 0);
  worst = Math.max(worst, Math.abs(sum - (evaluate(score, actual) - evaluate(score, usual))));
}
times.splice(0, 20);
times.sort((a, b) => a - b);
const at = (q: number): number => times[Math.floor(q * times.length)] ?? 0;
stdout.write(
  `exact Shapley values, ${treeCount} trees × depth ${depth} × ${features} premises: median ${at(0.5).toFixed(2)} ms, p99 ${at(0.99).toFixed(2)} ms of ${times.length} (target: below ${targetMs} ms; ${(at(0.99) / targetMs).toFixed(2)} of it); they sum to the difference within ${worst.toExponential(0)}\n`,
);
process.exitCode = at(0.99) < targetMs && worst < 1e-9 ? 0 : 1;
