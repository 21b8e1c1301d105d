import { scaleLinear } from 'd3';
import { useState } from 'react';
import { linePath } from '../../charts/time-axis.ts';
import { formatNumber } from '../../parts/format.ts';
import { useSize } from '../../state/visible.ts';
import { texts } from '../../texts/texts.ts';
import { formatOffset } from './dry-run-words.ts';

const height = 160;
/** Until it is known how wide it is. */
const usualWidth = 720;
const inner = { left: 40, right: 12, top: 10, bottom: 22 };

/** One figure over the simulated time on both sides, with its target: solid with the change, dashed as it is. */
export function CourseChart({
  label,
  present,
  candidate,
  target,
  unit,
  minutes,
}: {
  label: string;
  present: readonly (number | null)[];
  candidate: readonly (number | null)[];
  target: number;
  unit: string;
  minutes: number;
}) {
  const [frame, setFrame] = useState<Element | null>(null);
  const width = useSize(frame).width || usualWidth;
  const values = [...present, ...candidate].filter((value): value is number => value !== null);
  const top = Math.max(1.2 * target, ...values) * 1.05;
  const y = scaleLinear([0, top], [height - inner.bottom, inner.top]).nice(4);
  const x = scaleLinear([0, 60 * minutes], [inner.left, width - inner.right]);
  const pathOf = (course: readonly (number | null)[]): string =>
    linePath(
      course.map((value, index) =>
        value === null ? null : ([x(((index + 0.5) / course.length) * 60 * minutes), y(value)] as const),
      ),
    );
  return (
    <div ref={setFrame}>
      <svg width={width} height={height} role="img" aria-label={label} className="course-chart">
        {y.ticks(4).map((tick) => (
          <g key={tick}>
            <path className="grid-line" d={`M${inner.left} ${y(tick)}H${width - inner.right}`} />
            <text x={inner.left - 6} y={y(tick) + 3} textAnchor="end">
              {formatNumber(tick)}
            </text>
          </g>
        ))}
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <text
            key={part}
            x={x(part * 60 * minutes)}
            y={height - 6}
            textAnchor={part === 0 ? 'start' : part === 1 ? 'end' : 'middle'}
          >
            {formatOffset(part * 60 * minutes)}
          </text>
        ))}
        <path className="target-line" d={`M${inner.left} ${y(target)}H${width - inner.right}`} />
        <path className="data-line as-it-is" d={pathOf(present)} />
        <path className="data-line" d={pathOf(candidate)} />
        <text className="target-text" x={width - inner.right} y={y(target) - 4} textAnchor="end">
          {texts.dryRun.target(`${formatNumber(target)} ${unit}`)}
        </text>
      </svg>
    </div>
  );
}
