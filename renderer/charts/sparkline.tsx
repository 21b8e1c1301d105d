import { scaleLinear } from 'd3';
import { linePath } from './time-axis.ts';

/** A line without axes, with its target: shape over time, the figure stands beside it. */
export function Sparkline({
  times,
  values,
  from,
  to,
  target,
  width,
  height,
  quiet,
}: {
  times: readonly number[];
  values: readonly (number | null)[];
  from: number;
  to: number;
  target?: number | undefined;
  width: number;
  height: number;
  quiet?: boolean;
}) {
  const known = values.filter((value): value is number => value !== null);
  const top = Math.max(target === undefined ? 0 : target * 1.3, ...known.map((value) => value * 1.05), 1e-9);
  const x = scaleLinear([from, to], [0, width]);
  const y = scaleLinear([0, top], [height - 1, 2]);
  const path = linePath(
    times.map((time, index) => {
      const value = values[index];
      return value === null || value === undefined || time < from ? null : ([x(time), y(value)] as const);
    }),
  );
  return (
    <svg width={width} height={height} aria-hidden="true" className="sparkline">
      {target === undefined ? null : <path className="target-line" d={`M0 ${y(target).toFixed(1)}H${width}`} />}
      <path className={`data-line ${quiet ? 'quiet' : ''}`} d={path} />
    </svg>
  );
}
