import { stdout } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SlidingWindow } from '../../agents/telemetry/window.ts';

/** The window of a cluster agent with 1,000 nodes of 50 metrics each, every second for ten minutes: memory, and what the questions of policies cost. */
const nodes = 1000;
const metricsPerNode = 50;
const seconds = 600;
const targets = { memoryMb: 500, queryUs: 100 };

const say = (text: string) => stdout.write(`${text}\n`);
const metrics = Array.from({ length: metricsPerNode }, (_, index) => `metric_${index}`);
const nodeName = (index: number): string => `worker-${index}`;

/** Every tenth metric is a counter that now and then begins anew, the others go up and down. */
const readingAt = (second: number, index: number, node: number): number =>
  index % 10 === 0 ? ((second + node) % 200) * 7 : Math.sin(second * 0.1 + index + node) * 100;

function fill(window: SlidingWindow, from: number, to: number, count: number): number {
  const started = performance.now();
  for (let second = from; second < to; second++)
    for (let node = 0; node < count; node++)
      window.add({
        agent: `node-${node}`,
        cluster: 'c',
        node: nodeName(node),
        time: 1_700_000_000_000 + second * 1000,
        samples: metrics.map((metric, index) => ({ metric, value: readingAt(second, index, node) })),
      });
  return performance.now() - started;
}

/** µs a question, mean over many nodes and metrics; the first round is for warming up. */
function costUs(ask: (metric: string, node: string) => unknown): number {
  const rounds = 20_000;
  for (let i = 0; i < rounds; i++) ask(metrics[i % 7]!, nodeName(i % 100));
  const started = performance.now();
  for (let i = 0; i < rounds; i++) ask(metrics[i % 7]!, nodeName(i % 100));
  return ((performance.now() - started) * 1000) / rounds;
}

const questions = (window: SlidingWindow, now: number): Record<string, (metric: string, node: string) => unknown> => ({
  'latest of a node': (metric, node) => window.latest({ metric, node }),
  'rate over the window': (_, node) => window.rate({ metric: 'metric_10', node }),
  'usual over the window': (metric, node) => window.usual({ metric, node }),
  'usual of the last 5 s': (metric, node) => window.usual({ metric, node }, now - 5000),
  'points of the last 5 s': (metric, node) => window.points({ metric, node }, now - 5000),
});

setFlagsFromString('--expose-gc');
/** Else what the rings outgrew would still be counted. */
const collectGarbage = runInNewContext('gc') as () => void;
const memoryMb = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
};

collectGarbage();
const before = memoryMb();
const short = new SlidingWindow(seconds * 1000);
fill(short, 0, seconds / 10, 100);
const few = Object.entries(questions(short, 1_700_000_000_000 + (seconds / 10 - 1) * 1000)).map(
  ([name, ask]) => [name, costUs(ask)] as const,
);

const window = new SlidingWindow(seconds * 1000);
const filledMs = fill(window, 0, seconds, nodes);
// Steady: as much comes in as falls out.
const steadyMs = fill(window, seconds, seconds + 30, nodes) / 30;
collectGarbage();
const usedMb = memoryMb() - before;
const points = nodes * metricsPerNode * seconds;
say(
  `${nodes} nodes × ${metricsPerNode} metrics × ${seconds} s: ${(points / 1e6).toFixed(0)} M points in ${usedMb.toFixed(0)} MB (target: below ${targets.memoryMb} MB; ${(usedMb / targets.memoryMb).toFixed(2)} of it)`,
);
say(
  `filled in ${(filledMs / 1000).toFixed(1)} s; each further second of all nodes takes ${steadyMs.toFixed(0)} ms of a processor`,
);

let isGood = usedMb < targets.memoryMb;
for (const [index, [name, ask]] of Object.entries(questions(window, 1_700_000_000_000 + (seconds + 29) * 1000)).entries()) {
  const us = costUs(ask);
  const ratio = us / few[index]![1];
  isGood &&= us < targets.queryUs;
  say(
    `${name}: ${us.toFixed(1)} µs (target: below ${targets.queryUs} µs), ${ratio.toFixed(1)} × that of a tenth of the points and nodes`,
  );
}
const started = performance.now();
const all = window.quantile({ metric: 'metric_3' }, 0.95);
say(
  `p95 of one metric over all nodes (${((nodes * (seconds + 1)) / 1e6).toFixed(1)} M points, ${all?.toFixed(1)}): ${(performance.now() - started).toFixed(0)} ms`,
);
process.exitCode = isGood ? 0 : 1;
