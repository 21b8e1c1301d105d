import { quantile } from '../../../agents/telemetry/window.ts';
import type { PastSeries } from './present.ts';

interface Wanted {
  metric: string;
  node?: string;
  application?: string;
  component?: string;
}

/** Median of a series' values, or its last one, and how it is told as a source. */
export interface Reading {
  value: number;
  source: string;
}

/** The recent past of a testbed, as what is to be simulated is read from it. */
export class Past {
  readonly #byMetric = new Map<string, PastSeries[]>();

  constructor(series: readonly PastSeries[]) {
    for (const one of series) {
      const same = this.#byMetric.get(one.metric);
      if (same) same.push(one);
      else this.#byMetric.set(one.metric, [one]);
    }
  }

  find({ metric, node, application, component }: Wanted): PastSeries[] {
    return (this.#byMetric.get(metric) ?? []).filter(
      (one) =>
        one.times.length > 0 &&
        (node === undefined || one.node === node) &&
        (application === undefined || one.application === application) &&
        (component === undefined ? one.component === undefined || application !== undefined : one.component === component),
    );
  }

  /** Of all matching series. */
  median(wanted: Wanted): Reading | undefined {
    const values = this.find(wanted).flatMap((one) => one.values);
    const value = quantile(values, 0.5);
    if (value === undefined) return undefined;
    return { value, source: `median of ${count(values.length)} of ${wanted.metric}` };
  }

  mean(wanted: Wanted): Reading | undefined {
    const values = this.find(wanted).flatMap((one) => one.values);
    if (values.length === 0) return undefined;
    const value = values.reduce((sum, one) => sum + one, 0) / values.length;
    return { value, source: `mean of ${count(values.length)} of ${wanted.metric}` };
  }

  last(wanted: Wanted): Reading | undefined {
    const [newest] = this.find(wanted).sort((a, b) => b.times.at(-1)! - a.times.at(-1)!);
    return newest && { value: newest.values.at(-1)!, source: `last reading of ${wanted.metric}` };
  }

  /** Time between the first and the last of them, ms. */
  spanMs(wanted: Wanted): number {
    const found = this.find(wanted);
    if (found.length === 0) return 0;
    return Math.max(...found.map(({ times }) => times.at(-1)!)) - Math.min(...found.map(({ times }) => times[0]!));
  }

  /** Growth per second of a counter, over resets. */
  rate(wanted: Wanted): Reading | undefined {
    let grown = 0;
    let seconds = 0;
    for (const { times, values } of this.find(wanted)) {
      for (let at = 1; at < values.length; at++) {
        const step = values[at]! - values[at - 1]!;
        grown += step >= 0 ? step : values[at]!;
      }
      seconds += (times.at(-1)! - times[0]!) / 1000;
    }
    return seconds > 0
      ? { value: grown / seconds, source: `growth of ${wanted.metric} over ${Math.round(seconds)} s` }
      : undefined;
  }
}

const count = (readings: number): string => (readings === 1 ? 'one reading' : `${readings} readings`);

/** Value of a series at a time, as it was last read within `withinMs`. */
export function valueAt({ times, values }: PastSeries, time: number, withinMs: number): number | undefined {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  const at = low - 1;
  return at >= 0 && time - times[at]! <= withinMs ? values[at] : undefined;
}
