import { scaleLinear } from 'd3';
import { useState } from 'react';
import { timeTicks } from '../../charts/time-axis.ts';
import { formatClock } from '../../parts/format.ts';
import { LayerShape, State } from '../../parts/glyphs.tsx';
import { useShownTime } from '../../state/moment.ts';
import { useTime } from '../../state/time.ts';
import type { DecisionRecord, Layer } from '../../state/types.ts';
import { useSize } from '../../state/visible.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { laneMarks } from './lane-marks.ts';

const layers: { layer: Layer; title: string }[] = [
  { layer: 'continuum', title: texts.decisions.continuum },
  { layer: 'cluster', title: texts.decisions.clusters },
  { layer: 'node', title: texts.decisions.nodes },
];
const laneHeight = 24;
const labelWidth = 96;
const gapPx = 12;

/** Acts and non-acts over time, a lane for each layer; what is drawn is what the list shows. */
export function Lanes({ decisions, chosen }: { decisions: readonly DecisionRecord[]; chosen: string | null }) {
  const { from, to } = useShownTime(800);
  const { cursor, select } = useTime();
  const [box, setBox] = useState<HTMLElement | null>(null);
  const { width } = useSize(box);
  const x = scaleLinear([from, to], [labelWidth + 8, Math.max(labelWidth + 9, width - 16)]);
  const within = decisions.filter(({ time }) => time >= from && time <= to);
  const marks = width > 0 ? laneMarks(within, x, gapPx) : [];
  const { step, ticks } = timeTicks(from, to, Math.max(2, width / 150));
  return (
    <section ref={setBox} className="lanes" aria-label={texts.decisions.decisionsBy} data-testid={testIds.decisionLanes}>
      {layers.map(({ layer, title }, index) => (
        <div key={layer} className="swim-lane" style={{ top: index * laneHeight }}>
          <LayerShape name={layer} size={10} />
          <span className="caption secondary">{title}</span>
        </div>
      ))}
      <svg width={width} height={layers.length * laneHeight + 18} aria-hidden="true">
        {ticks.map((tick) => (
          <g key={tick}>
            <path className="lane-tick" d={`M${x(tick)} 0V${layers.length * laneHeight}`} />
            <text x={x(tick)} y={layers.length * laneHeight + 13} textAnchor="middle">
              {formatClock(tick, step < 60_000 ? 'second' : 'minute')}
            </text>
          </g>
        ))}
        {cursor !== null && cursor >= from && cursor <= to ? (
          <path className="lane-cursor" d={`M${x(cursor)} 0V${layers.length * laneHeight}`} />
        ) : null}
      </svg>
      {marks.map((mark) => {
        const record = mark.records.at(-1);
        if (!record) return null;
        const isChosen = mark.records.some(({ id }) => id === chosen);
        const several =
          mark.records.length > 1
            ? texts.decisions.last((mark.act ? texts.counts.act : texts.counts.nonAct)(mark.records.length))
            : '';
        const words = `${formatClock(record.time)} ${several}${record.title}`;
        return (
          <button
            key={record.id}
            type="button"
            tabIndex={-1}
            className={`lane-mark ${isChosen ? 'chosen' : ''}`}
            style={{ left: mark.x - 8, top: layers.findIndex(({ layer }) => layer === mark.layer) * laneHeight }}
            title={words}
            aria-label={words}
            onClick={() => select(record)}
          >
            <State name={mark.act ? 'act' : 'nonact'} size={12} />
            {mark.records.length > 1 ? <span className="lane-count">{mark.records.length}</span> : null}
          </button>
        );
      })}
    </section>
  );
}
