import { memo } from 'react';
import { dashes, timeMissing, valueAt } from '../../charts/lines.ts';
import { chartUnit } from '../../charts/scale-unit.ts';
import { TimeChart } from '../../charts/time-chart.tsx';
import { Badge, IconButton } from '../../parts/controls.tsx';
import { formatAge, formatDuration, formatNumber, formatQuantity } from '../../parts/format.ts';
import { State } from '../../parts/glyphs.tsx';
import { isCeiling } from '../../state/headline.ts';
import { stepFor } from '../../state/telemetry.ts';
import type { DecisionRecord } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import type { ChartDefinition } from './chart-definitions.ts';

const words = texts.telemetry;

/** After this long without a reading a live value is told with its age. */
const staleAfterMs = 10_000;

export interface ChartCardProps {
  chart: ChartDefinition;
  from: number;
  to: number;
  /** Moment whose values the legend shows; null for the latest. */
  at: number | null;
  cursor: number | null;
  live: boolean;
  decisions: readonly DecisionRecord[];
  onHover: (time: number | null) => void;
  onMove: (time: number) => void;
  onZoom: (range: [number, number] | null) => void;
  /** It stands before the others, also the next time. */
  pinned: boolean;
  onPin: (metric: string) => void;
}

export const ChartCard = memo(function ChartCard({
  chart,
  from,
  to,
  at,
  cursor,
  live,
  decisions,
  onHover,
  onMove,
  onZoom,
  pinned,
  onPin,
}: ChartCardProps) {
  const highest = Math.max(
    0,
    ...chart.lines.map((line) => line.values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0)),
  );
  const unit = chartUnit(chart.unit, highest);
  const staleMs = Math.max(30_000, chart.everyMs ?? 0, 6 * stepFor(to - from));
  const value = (index: number): number | null => {
    const line = chart.lines[index];
    return line ? valueAt(line, at ?? to, staleMs) : null;
  };
  const single = chart.lines.length === 1 ? chart.lines[0] : undefined;
  const shown = single ? value(0) : null;
  const newest = Math.max(...chart.lines.map((line) => line.times.at(-1) ?? 0));
  const stale = live && at === null && to - newest > Math.max(staleAfterMs, chart.everyMs ?? 0) + stepFor(to - from);
  const { target } = chart;
  const missing = target && single ? timeMissing(single, target.value, target.relation, staleMs) : null;
  const missed = target && shown !== null ? (isCeiling(target.relation) ? shown > target.value : shown < target.value) : false;
  const word = target && isCeiling(target.relation) ? words.overTarget : words.underTarget;
  return (
    <section
      className={`card chart-card ${chart.wide ? 'wide' : ''}`}
      aria-label={chart.title}
      data-testid={testIds.chart(chart.id)}
    >
      <header>
        <h2 className="ellipsis">{chart.title}</h2>
        {chart.source ? <span className="caption muted">{chart.source}</span> : null}
        <span className="spacer" />
        {missing && missing.known > 0 ? (
          missing.missed > 0 ? (
            <Badge kind="bad">
              <State name="bad" size={12} />
              {words.of(word, formatDuration(missing.missed), formatDuration(missing.known))}
            </Badge>
          ) : (
            <span className="caption muted">{words.never(word)}</span>
          )
        ) : null}
        {single ? (
          <span className="nowrap">
            <span className={`body strong ${missed ? 'bad-text' : ''}`} data-testid={testIds.chartValue(chart.id)}>
              {shown === null ? formatNumber(null) : formatNumber(shown * unit.factor, unit.digits)}
            </span>{' '}
            <span className="caption muted">{unit.unit}</span>
          </span>
        ) : (
          <span className="caption muted">{unit.unit}</span>
        )}
        <IconButton
          icon="pin"
          iconSize={14}
          className={`icon-button chart-pin ${pinned ? 'on' : ''}`}
          label={pinned ? words.unpin(chart.title) : words.pinToTheTop(chart.title)}
          aria-pressed={pinned}
          data-testid={testIds.chartPin(chart.id)}
          onClick={() => onPin(chart.id)}
        />
      </header>
      <div className="plot">
        <TimeChart
          lines={chart.lines}
          unit={unit}
          target={target ? { value: target.value, label: words.target(formatQuantity(target.value, chart.unit)) } : undefined}
          from={from}
          to={to}
          decisions={decisions}
          nonActs={chart.wide ?? false}
          cursor={cursor}
          syncKey="telemetry"
          onHover={onHover}
          onMove={onMove}
          onZoom={onZoom}
          label={chart.title}
        />
      </div>
      <footer>
        {chart.lines.map((line, index) => (
          <span key={line.label} className="key">
            <svg width="14" height="8" aria-hidden="true">
              <path
                d="M0 4H14"
                stroke={`var(--series-${line.series})`}
                strokeWidth="1.5"
                strokeDasharray={(dashes[line.series] ?? []).join(' ')}
              />
            </svg>
            {line.label}
            {single ? null : (
              <b data-testid={`${testIds.chartValue(chart.id)}-${line.label}`}>
                {value(index) === null ? formatNumber(null) : formatNumber((value(index) ?? 0) * unit.factor, unit.digits)}
              </b>
            )}
          </span>
        ))}
        <span className="spacer" />
        {stale ? <span className="warn-text">{words.lastValue(formatAge(to - newest))}</span> : null}
      </footer>
    </section>
  );
});
