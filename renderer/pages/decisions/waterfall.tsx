import { scaleLinear } from 'd3';
import { useState } from 'react';
import { type Explanation, explain } from '../../../main/contract/explanation.ts';
import { formatNumber, formatSigned } from '../../parts/format.ts';
import type { DecisionRecord } from '../../state/types.ts';
import { useSize } from '../../state/visible.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { foldSmall, waterfallDomain, waterfallRows } from './waterfall-geometry.ts';
import { formatChange } from './words.ts';

const rowHeight = 25;
const barHeight = 15;
const mostRows = 7;

/** What decided it: Shapley values of the premises on the margin, computed here from the record. */
export function Waterfall({ record }: { record: DecisionRecord }) {
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const { width } = useSize(box);
  const explanation = explain(record);
  const premises = new Map(record.premises.map((premise) => [premise.id, premise]));
  const rows = explanation
    ? waterfallRows(
        {
          base: explanation.base,
          margin: explanation.margin,
          contributions: foldSmall(
            explanation.contributions.map(({ premise, name, value }) => {
              const known = premises.get(premise);
              return { name: known ? `${known.name} ${formatChange(known)}` : name, value };
            }),
            mostRows,
          ),
        },
        { base: texts.decisions.usualSituation, total: texts.decisions.marginOverStaying },
      )
    : [];
  return (
    <section className="card" aria-label={texts.decisions.whatDecided} data-testid={testIds.decisionWaterfall}>
      <header>
        <h2>{texts.decisions.whatDecided}</h2>
        <span className="spacer" />
        {explanation ? <span className="caption muted">{exactness(explanation)}</span> : null}
      </header>
      <div className="inset-12" ref={setBox}>
        {explanation ? (
          width > 0 ? (
            <Drawing rows={rows} width={width} needed={record.neededMargin} />
          ) : null
        ) : (
          <p className="secondary">{texts.decisions.noFeasible}</p>
        )}
      </div>
    </section>
  );
}

/** What the figures are: exact, or sampled and by how much they may be off. */
function exactness({ exact, errors }: Explanation): string {
  if (exact) return texts.decisions.exactShapley;
  return texts.decisions.sampledShapley(formatNumber(Math.max(...Object.values(errors)), 3));
}

function Drawing({ rows, width, needed }: { rows: ReturnType<typeof waterfallRows>; width: number; needed: number }) {
  const labelWidth = Math.min(190, width * 0.42);
  const x = scaleLinear(waterfallDomain(rows, needed), [labelWidth + 8, width - 52]);
  const bottom = 4 + rows.length * rowHeight;
  const neededX = x(needed);
  const neededAtEdge = neededX > width - 80;
  const labelsCollide = Math.abs(neededX - x(0)) < (neededAtEdge ? 90 : 14);
  return (
    <svg
      className="drawing"
      width={width}
      height={bottom + 16}
      role="img"
      aria-label={rows.map((row) => `${row.label} ${formatSigned(row.value)}`).join('; ')}
    >
      <path className="zero" d={`M${x(0).toFixed(1)} 0V${bottom}`} />
      <path className="needed" d={`M${neededX.toFixed(1)} 0V${bottom}`} />
      <text className="axis" x={neededX + (neededAtEdge ? -4 : 4)} y={bottom + 12} textAnchor={neededAtEdge ? 'end' : 'start'}>
        {texts.decisions.needed2(formatNumber(needed, 2))}
      </text>
      {labelsCollide ? null : (
        <text className="axis" x={x(0) - 4} y={bottom + 12} textAnchor="end">
          0
        </text>
      )}
      {rows.map((row, index) => {
        const top = 4 + index * rowHeight;
        const left = Math.min(x(row.from), x(row.to));
        const size = Math.max(1.5, Math.abs(x(row.to) - x(row.from)));
        const strong = row.kind === 'total' ? 'sum' : '';
        return (
          <g key={row.label}>
            <text className={strong} x="0" y={top + 16}>
              {shorten(row.label, labelWidth)}
              <title>{row.label}</title>
            </text>
            <rect className={row.kind} x={left} y={top + 5} width={size} height={barHeight} rx="2" />
            {index < rows.length - 2 ? (
              <path className="zero" d={`M${x(row.to).toFixed(1)} ${top + 5 + barHeight}v${rowHeight - barHeight}`} />
            ) : null}
            <text className={`value ${strong}`} x={width} y={top + 16}>
              {formatSigned(row.value)}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

/** About 6 px a letter at 11.5 px: a label never runs into the bars. */
function shorten(label: string, width: number): string {
  const most = Math.floor(width / 5.9);
  return label.length > most ? `${label.slice(0, most - 1)}…` : label;
}
