import { Chart, registerables } from 'chart.js';
import { createElement } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import type { Line } from '../../renderer/charts/lines.ts';
import { TimeChart } from '../../renderer/charts/time-chart.tsx';

/** What runs in the page of `chart.ts`: ours and Chart.js with the same points, which are others with each update. */
Chart.register(...registerables);
const nothing = () => {};
const start = 1_800_000_000_000;

interface Points {
  times: number[];
  values: (number | null)[];
}

/** A reading a second that wanders, with a gap now and then. */
function pointsOf(count: number, round: number): Points {
  const times: number[] = new Array(count);
  const values: (number | null)[] = new Array(count);
  let value = 50;
  let seed = round + 1;
  for (let index = 0; index < count; index++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    value = Math.min(100, Math.max(0, value + (seed / 2 ** 32 - 0.5) * 4));
    times[index] = start + index * 1000;
    values[index] = index % 50_000 < 20 ? null : value;
  }
  return { times, values };
}

/** Until what was asked for is on the canvas: both draw in the same task or in a microtask of it. */
const drawn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

async function timed(rounds: number, update: (round: number) => void): Promise<number[]> {
  const all: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    update(round);
    await Promise.resolve();
    all.push(performance.now() - begun);
    await drawn();
  }
  return all.slice(1).sort((a, b) => a - b);
}

function place(): HTMLElement {
  const root = document.getElementById('root')!;
  root.replaceChildren();
  return root;
}

async function ours(count: number, rounds: number): Promise<number[]> {
  const root = createRoot(place());
  const all = [0, 1, 2].map((round): Line => ({ label: 'cpu', series: 1, ...pointsOf(count, round) }));
  const range = { from: start, to: start + count * 1000 };
  const fixed = {
    unit: { unit: '%', factor: 1, digits: 0 },
    ...range,
    decisions: [],
    nonActs: false,
    cursor: null,
    syncKey: 'bench',
  };
  const heard = { onHover: nothing, onMove: nothing, onZoom: nothing, label: 'bench' };
  const sets = all.map((line) => [line]);
  const show = (round: number) =>
    flushSync(() => root.render(createElement(TimeChart, { lines: sets[round % 3]!, ...fixed, ...heard })));
  show(0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const took = await timed(rounds, show);
  root.unmount();
  return took;
}

async function chartJs(count: number, rounds: number): Promise<number[]> {
  const canvas = document.createElement('canvas');
  place().append(canvas);
  const sets = [0, 1, 2].map((round) => {
    const { times, values } = pointsOf(count, round);
    return times.map((x, index) => ({ x, y: values[index] ?? Number.NaN }));
  });
  const chart = new Chart(canvas, {
    type: 'line',
    data: { datasets: [{ data: sets[0]!, borderWidth: 1.5 }] },
    options: {
      // As its documentation advises for much data: no animation, parsed and normalised before, min-max decimation.
      animation: false,
      parsing: false,
      normalized: true,
      responsive: true,
      maintainAspectRatio: false,
      elements: { point: { radius: 0 } },
      scales: { x: { type: 'linear', min: start, max: start + count * 1000 } },
      plugins: { decimation: { enabled: true, algorithm: 'min-max' }, legend: { display: false } },
    },
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const took = await timed(rounds, (round) => {
    chart.data.datasets[0]!.data = sets[round % 3]!;
    chart.update('none');
  });
  chart.destroy();
  return took;
}

Object.assign(window, { bench: { ours, chartJs } });
