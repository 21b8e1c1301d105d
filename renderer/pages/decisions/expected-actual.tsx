import { scaleLinear } from 'd3';
import { useState } from 'react';
import { formatClock, formatNumber, formatPrediction, formatQuantity, metricTitle, quantity } from '../../parts/format.ts';
import { type DecisionRecord, isAct } from '../../state/types.ts';
import { useSize } from '../../state/visible.ts';
import { texts } from '../../texts/texts.ts';
import { candidateOf } from './words.ts';

interface Mark {
  label: string;
  text: string;
  value: number;
  deviation: number;
  kind: 'quiet' | 'expected' | 'filled';
}

/** What was expected of the choice against what came of it, on one scale with the target. */
export function ExpectedActual({ record }: { record: DecisionRecord }) {
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const { width, height } = useSize(box);
  const expected = record.expected[0];
  const actual = expected ? record.actual?.outcomes.find((outcome) => outcome.metric === expected.metric) : undefined;
  const stay = expected ? candidateOf(record, record.stay)?.predicted.find((one) => one.metric === expected.metric) : undefined;
  const target = record.premises.find((premise) => premise.id === 'target' && premise.unit === expected?.unit);
  const marks: Mark[] = [];
  if (expected) {
    if (isAct(record) && stay) {
      marks.push({
        label: texts.decisions.hadItStayed,
        text: formatPrediction(stay.value, stay.deviation, stay.unit),
        value: stay.value,
        deviation: stay.deviation,
        kind: 'quiet',
      });
    }
    marks.push({
      label: texts.decisions.expected2,
      text: formatPrediction(expected.value, expected.deviation, expected.unit),
      value: expected.value,
      deviation: expected.deviation,
      kind: 'expected',
    });
    if (actual)
      marks.push({
        label: texts.decisions.actual,
        text: formatQuantity(actual.value, actual.unit),
        value: actual.value,
        deviation: 0,
        kind: 'filled',
      });
  }
  const title = expected ? metricTitle(expected.metric).toLowerCase() : '';
  return (
    <section className="card" aria-label={texts.decisions.expectedAnd}>
      <header>
        <h2>{texts.decisions.expectedAndActual(title)}</h2>
        <span className="spacer" />
        <span className="caption muted">{expected ? quantity(expected.value, expected.unit).unit : ''}</span>
      </header>
      <div className="inset-12 grows" ref={setBox}>
        {expected ? (
          <>
            {width > 0 ? (
              <Drawing marks={marks} target={target?.value} unit={expected.unit} width={width} height={height - 56} />
            ) : null}
            <p className="caption secondary">
              {actual
                ? texts.decisions.afterSError(
                    formatNumber(record.horizonS),
                    formatQuantity(actual.value - expected.value, expected.unit),
                    record.actual?.regret == null ? '' : texts.decisions.regret(formatNumber(record.actual.regret, 2)),
                  )
                : texts.decisions.theActualFigure(
                    formatClock(record.time + record.horizonS * 1000),
                    formatNumber(record.horizonS),
                  )}
            </p>
          </>
        ) : (
          <p className="secondary">{texts.decisions.thisDecision}</p>
        )}
      </div>
    </section>
  );
}

function Drawing({
  marks,
  target,
  unit,
  width,
  height,
}: {
  marks: readonly Mark[];
  target: number | undefined;
  unit: string;
  width: number;
  height: number;
}) {
  const highest = Math.max(
    target === undefined ? 0 : target * 1.2,
    ...marks.map((mark) => (mark.value + 2 * mark.deviation) * 1.05),
    1e-9,
  );
  const lowest = Math.min(0, ...marks.map((mark) => mark.value - 2 * mark.deviation));
  const x = scaleLinear([lowest, highest], [4, width - 8]).nice(4);
  const rowHeight = Math.min(68, Math.max(40, (height - 36) / marks.length));
  const bottom = 14 + marks.length * rowHeight;
  return (
    <svg
      className="drawing"
      width={width}
      height={bottom + 22}
      role="img"
      aria-label={marks.map((mark) => `${mark.label} ${mark.text}`).join('; ')}
    >
      {x.ticks(4).map((tick) => (
        <g key={tick}>
          <path d={`M${x(tick).toFixed(1)} 12V${bottom}`} stroke="var(--line)" />
          <text className="axis" x={x(tick)} y={bottom + 14} textAnchor="middle">
            {quantity(tick, unit).text}
          </text>
        </g>
      ))}
      {target === undefined ? null : (
        <>
          <path className="target-line" d={`M${x(target).toFixed(1)} 12V${bottom}`} />
          <text className="axis target-text" x={x(target) + 4} y={9} textAnchor={x(target) > width - 70 ? 'end' : 'start'}>
            {texts.decisions.target2(formatQuantity(target, unit))}
          </text>
        </>
      )}
      {marks.map((mark, index) => {
        const y = 22 + index * rowHeight;
        const left = x(mark.value - mark.deviation);
        const right = x(mark.value + mark.deviation);
        return (
          <g key={mark.label}>
            <text x="4" y={y + 2}>
              {mark.label}
            </text>
            <text className="value" x={width - 4} y={y + 2}>
              {mark.text}
            </text>
            {mark.deviation > 0 ? <rect className="band" x={left} y={y + 8} width={right - left} height="14" rx="2" /> : null}
            {mark.kind === 'expected' ? <path className="band-edge" d={`M${x(mark.value).toFixed(1)} ${y + 7}v16`} /> : null}
            <circle className={`dot ${mark.kind}`} cx={x(mark.value)} cy={y + 15} r="4" />
          </g>
        );
      })}
    </svg>
  );
}
