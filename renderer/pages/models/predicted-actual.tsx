import { scaleLinear } from 'd3';
import { useState } from 'react';
import { formatQuantity, quantity } from '../../parts/format.ts';
import { useSize } from '../../state/visible.ts';
import { texts } from '../../texts/texts.ts';
import type { Compared } from './model-facts.ts';

const words = texts.models;
const height = 300;
const margin = { top: 10, right: 14, bottom: 34, left: 44 };
/** Shapes go with the series' colours: nodes are told apart without colour. Unit paths about 0, px. */
const shapes = [
  'M-4 0A4 4 0 1 0 4 0A4 4 0 1 0 -4 0Z',
  'M-3.6 -3.6H3.6V3.6H-3.6Z',
  'M0 -4.6L4.4 3.4H-4.4Z',
  'M0 -5L5 0L0 5L-5 0Z',
];

/** Each outcome over what was predicted, with the doubt that was stated; on the diagonal it came as predicted. */
export function PredictedActual({ compared, pointed }: { compared: readonly Compared[]; pointed: string | null }) {
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const { width } = useSize(box);
  const unit = compared[0]?.unit ?? '';
  const nodes = [...new Set(compared.map(({ node }) => node))].sort();
  const looks = new Map(nodes.map((node, index) => [node, { shape: shapes[index % shapes.length]!, series: (index % 6) + 1 }]));
  const top =
    Math.max(...compared.map(({ predicted, deviation, actual }) => Math.max(predicted + deviation, actual)), 1e-9) * 1.05;
  const x = scaleLinear([0, top], [margin.left, Math.max(width - margin.right, margin.left + 1)]).nice(5);
  const y = scaleLinear([0, top], [height - margin.bottom, margin.top]).nice(5);
  const end = x.domain()[1] ?? top;
  // The newest on top: they are the first of the list.
  const drawn = [...compared].reverse();
  return (
    <div className="inset-12">
      <div ref={setBox}>
        {width > 0 ? (
          <svg
            className="drawing predicted-actual"
            width={width}
            height={height}
            role="img"
            aria-label={words.chartLabel(
              compared
                .slice(0, 10)
                .map(({ node, predicted, actual }) =>
                  words.point(node, formatQuantity(predicted, unit), formatQuantity(actual, unit)),
                ),
            )}
          >
            {x.ticks(5).map((tick) => (
              <g key={tick}>
                <path className="grid" d={`M${x(tick).toFixed(1)} ${margin.top}V${height - margin.bottom}`} />
                <path className="grid" d={`M${margin.left} ${y(tick).toFixed(1)}H${width - margin.right}`} />
                <text className="axis" x={x(tick)} y={height - margin.bottom + 14} textAnchor="middle">
                  {quantity(tick, unit).text}
                </text>
                <text className="axis" x={margin.left - 6} y={y(tick) + 3} textAnchor="end">
                  {quantity(tick, unit).text}
                </text>
              </g>
            ))}
            <path className="diagonal" d={`M${x(0)} ${y(0)}L${x(end)} ${y(end)}`} />
            <text className="axis" x={x(end * 0.86) + 8} y={y(end * 0.86) + 12}>
              {words.asPredicted}
            </text>
            <text className="axis" x={(margin.left + width) / 2} y={height - 4} textAnchor="middle">
              {words.predictedAxis(quantity(0, unit).unit)}
            </text>
            <text className="axis" transform={`translate(10 ${(height - margin.bottom) / 2}) rotate(-90)`} textAnchor="middle">
              {words.actualAxis(quantity(0, unit).unit)}
            </text>
            {drawn.map(({ record, node, predicted, deviation, actual }) => {
              const { shape, series } = looks.get(node)!;
              return (
                <g
                  key={record.id}
                  className={record.id === pointed ? 'pointed' : ''}
                  style={{ color: `var(--series-${series})` }}
                >
                  <path
                    className="doubt"
                    d={`M${x(Math.max(0, predicted - deviation)).toFixed(1)} ${y(actual).toFixed(1)}H${x(predicted + deviation).toFixed(1)}`}
                  />
                  <path className="mark" d={shape} transform={`translate(${x(predicted).toFixed(1)} ${y(actual).toFixed(1)})`}>
                    <title>{words.point(node, formatQuantity(predicted, unit), formatQuantity(actual, unit))}</title>
                  </path>
                </g>
              );
            })}
          </svg>
        ) : (
          <div style={{ height }} />
        )}
      </div>
      <ul className="row wrap gap-12 caption secondary">
        {nodes.map((node) => {
          const { shape, series } = looks.get(node)!;
          return (
            <li key={node} className="row gap-4">
              <svg width="12" height="12" viewBox="-6 -6 12 12" aria-hidden="true" style={{ color: `var(--series-${series})` }}>
                <path d={shape} fill="currentColor" />
              </svg>
              {node}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
