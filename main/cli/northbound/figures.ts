import type { Figures } from '../../../agents/northbound/endpoints/figures.ts';
import { table } from '../output.ts';

/** Four digits say enough. */
export function number(value: number | null | undefined): string {
  if (value === undefined || value === null) return '–';
  return Number.isInteger(value) && Math.abs(value) < 1e7 ? String(value) : String(Number(value.toPrecision(4)));
}

export const percent = (share: number | null): string => (share === null ? '–' : `${(100 * share).toFixed(1)} %`);

const sizes = ['', 'k', 'M', 'G', 'T'] as const;

/** "6.44 GB"; other metrics as they are. */
function amount(metric: string, value: number | undefined): string {
  const unit = /_bytes(_per_second)?$/.exec(metric);
  if (!unit || value === undefined) return number(value);
  const step = Math.min(sizes.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, Math.abs(value))) / 3)));
  return `${number(Number((value / 1000 ** step).toPrecision(3)))} ${sizes[step]}B${unit[1] ? '/s' : ''}`;
}

/** What was measured, a line for each metric; gauges by their spread, counters by their rate. */
export function figuresTable(metrics: readonly Figures[], by: 'component' | 'node' | 'peer' | null): string {
  const rows = metrics.map((one) => [
    one.metric,
    ...(by === null ? [] : [one[by] ?? '–']),
    ...[one.mean, one.p50, one.p95, one.highest].map((value) => amount(one.metric, value)),
    number(one.perSecond),
  ]);
  return table(['METRIC', ...(by === null ? [] : [by.toUpperCase()]), 'MEAN', 'P50', 'P95', 'HIGHEST', 'PER SECOND'], rows);
}
