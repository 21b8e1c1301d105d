import { scaleLinear } from 'd3';
import { useState } from 'react';
import { linePath, timeTicks } from '../charts/time-axis.ts';
import { IconButton, Select } from '../parts/controls.tsx';
import { formatClock, formatQuantity, metricUnit } from '../parts/format.ts';
import { State } from '../parts/glyphs.tsx';
import { headlineOf } from '../state/headline.ts';
import { isLiving, useShownTime, useTopology } from '../state/moment.ts';
import { useNavigation } from '../state/navigation.ts';
import { askToSave } from '../state/recordings.ts';
import { useSeries } from '../state/telemetry.ts';
import { useCurrentTestbed } from '../state/testbeds.ts';
import { ranges, useTime } from '../state/time.ts';
import { type DecisionRecord, isAct } from '../state/types.ts';
import { useSize } from '../state/visible.ts';
import { useWorld } from '../state/world.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';
import { mergeByTime } from './merge-by-time.ts';
import { TwinControls } from './twin-controls.tsx';

const words = texts.shell;

/** How many times faster than it was. */
const speeds = [1, 10, 60] as const;

/** The same moment for topology, telemetry and decisions: marks of acts and non-acts over the headline metric. */
export function TimeBar() {
  const testbed = useCurrentTestbed();
  const { decisions, span, topology } = useWorld();
  const { cursor, decision, rangeMs, live, select, playing, play, moveTo, setRange } = useTime();
  const { from, to, end } = useShownTime(1200);
  const [speed, setSpeed] = useState<number>(1);
  const go = useNavigation((state) => state.go);
  const page = useNavigation((state) => state.page);
  const [track, setTrack] = useState<HTMLDivElement | null>(null);
  const { width } = useSize(track);
  const started = decisions.length > 0 || span !== null || topology !== null;
  const living = isLiving(testbed);

  const choose = (record: DecisionRecord) => {
    select(record);
    if (page === 'testbeds' || page === 'run' || page === 'terminals') go('decisions');
  };
  const step = (direction: -1 | 1) => {
    const oldestFirst = [...decisions].reverse();
    const at = cursor ?? Number.POSITIVE_INFINITY;
    const next =
      direction < 0
        ? oldestFirst.filter((record) => record.time < at).at(-1)
        : oldestFirst.find((record) => record.time > at && record.id !== decision);
    if (next) choose(next);
    else if (direction > 0) living ? live() : moveTo(end);
  };
  const startOrPause = () => {
    if (playing !== null) return play(null);
    // From its end, or from now, there is nothing to run to: from the beginning of what is shown.
    if (cursor === null || (!living && cursor >= end - 1000)) moveTo(from);
    play(speed);
  };
  return (
    <footer className="time-bar" data-testid={testIds.timeBar}>
      <div className="controls">
        <IconButton icon="step" flip label={words.previousDecision} disabled={decisions.length === 0} onClick={() => step(-1)} />
        <IconButton
          icon={playing === null ? 'play' : 'pause'}
          label={playing === null ? words.playFromThe : words.pause}
          data-testid={testIds.play}
          disabled={!started}
          onClick={startOrPause}
        />
        <IconButton icon="step" label={words.nextDecision} disabled={cursor === null} onClick={() => step(1)} />
        {playing === null ? null : (
          <Select
            label={words.speed}
            value={String(speed)}
            options={speeds.map((times) => ({ value: String(times), label: `${times} ×` }))}
            onChange={(value) => {
              setSpeed(Number(value));
              play(Number(value));
            }}
          />
        )}
        <span className="spacer" />
        {started && living ? (
          <button type="button" className={`live ${cursor === null ? 'on' : ''}`} aria-pressed={cursor === null} onClick={live}>
            <i />
            {cursor === null || playing !== null ? null : <span className="back">{words.backTo}</span>}
            {cursor === null || playing !== null ? words.live : words.live2}
          </button>
        ) : null}
      </div>
      <div className="track" ref={setTrack}>
        {started && testbed ? (
          <Track
            key={testbed.name}
            width={width}
            testbed={testbed.name}
            decisions={decisions}
            onChoose={choose}
            shown={{ from, to, follows: to >= end && living, end }}
          />
        ) : (
          <p className="waiting">{words.theTimeLine}</p>
        )}
      </div>
      <div className="range">
        <TwinControls />
        <IconButton
          icon="record"
          label={words.saveRecording}
          data-testid={testIds.saveRecording}
          disabled={!started || span === null}
          onClick={askToSave}
        />
        <Select
          label={words.rangeOfThe}
          value={String(rangeMs)}
          options={ranges.map(({ label, ms }) => ({ value: String(ms), label }))}
          onChange={(value) => setRange(Number(value))}
        />
      </div>
    </footer>
  );
}

const height = 55;
const inset = 16;
const plot = { top: 18, bottom: 37 };

function Track({
  width,
  testbed,
  decisions,
  onChoose,
  shown: { from, to: last, follows, end },
}: {
  width: number;
  testbed: string;
  decisions: readonly DecisionRecord[];
  onChoose: (record: DecisionRecord) => void;
  shown: { from: number; to: number; follows: boolean; end: number };
}) {
  const { cursor, decision, moveTo, show, live } = useTime();
  const topology = useTopology();
  const headline = topology ? headlineOf(topology) : null;
  const { series } = useSeries(testbed, headline ? [headline.metric] : [], { from, to: last, follows }, metricUnit);
  const firstKept = useWorld((state) => state.span?.from);
  if (width === 0) return null;

  const points = mergeByTime(series);
  // A little future to the right, so that "now" has room for its label.
  const to = follows ? last + (last - from) * 0.06 : last;
  const x = scaleLinear([from, to], [inset, width - inset]);
  const highest = Math.max(headline ? headline.target * 1.4 : 0, ...points.map(([, value]) => value ?? 0), 1e-9);
  const y = scaleLinear([0, highest], [plot.bottom, plot.top]);
  const marks = decisions.filter((record) => record.time >= from && record.time <= last);
  const { step, ticks } = timeTicks(from, to, Math.max(3, width / 150));
  const at = cursor === null ? last : Math.min(Math.max(cursor, from), last);
  const labelWidth = 58;
  const labelX = Math.min(Math.max(x(at), inset + labelWidth / 2), width - labelWidth / 2);
  const slide = (byMs: number) => {
    const start = Math.max(Math.min(firstKept ?? from, from), from + byMs);
    if (start + (last - from) >= end) show(null);
    else show([start, start + (last - from)]);
  };
  const move = (event: React.PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    moveTo(Math.min(last, Math.max(from, x.invert(event.clientX - box.left))));
  };
  return (
    <>
      <div
        className="slide"
        role="slider"
        tabIndex={0}
        aria-label={words.timeCursor}
        aria-valuemin={from}
        aria-valuemax={last}
        aria-valuenow={at}
        aria-valuetext={cursor === null ? words.live2 : formatClock(at)}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          move(event);
        }}
        onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && move(event)}
        onKeyDown={(event) => {
          const by = (event.shiftKey ? 10 : 1) * ((last - from) / 600);
          if (event.key === 'ArrowLeft') moveTo(Math.max(from, at - by));
          if (event.key === 'ArrowRight') at + by >= end ? live() : moveTo(Math.min(last, at + by));
          if (event.key === 'Escape') live();
          // A page back or forth, as far as anything is kept.
          const page = event.key === 'PageUp' ? -1 : event.key === 'PageDown' ? 1 : 0;
          if (page !== 0) slide(page * (last - from) * 0.8);
        }}
        onWheel={(event) => {
          const by = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.shiftKey ? event.deltaY : 0;
          if (by !== 0) slide((by / width) * (last - from));
        }}
      >
        <svg width={width} height={height} aria-hidden="true">
          <path
            className="data-line quiet"
            d={linePath(points.map(([time, value]) => (value === null || time < from ? null : ([x(time), y(value)] as const))))}
          />
          {headline ? (
            <>
              <path className="target-line" opacity=".7" d={`M${inset} ${y(headline.target).toFixed(1)}H${width - inset}`} />
              <text className="target-text" x={inset} y={y(headline.target) - 3}>
                {formatQuantity(headline.target, headline.unit)}
              </text>
            </>
          ) : null}
          {ticks.map((tick) => (
            <text key={tick} x={x(tick)} y="52" textAnchor="middle" opacity={Math.abs(x(tick) - labelX) < 56 ? 0 : 1}>
              {formatClock(tick, step < 60_000 ? 'second' : 'minute')}
            </text>
          ))}
          <rect x={x(at)} y="0" width={Math.max(0, width - inset - x(at))} height="39" fill="var(--surface)" opacity=".72" />
          <path d={`M${x(at).toFixed(1)} 0V39`} stroke="var(--accent)" strokeWidth="1.5" />
          <rect x={labelX - labelWidth / 2} y="38" width={labelWidth} height="16" rx="4" fill="var(--accent)" />
          <text x={labelX} y="50" textAnchor="middle" className="cursor-text">
            {formatClock(at)}
          </text>
        </svg>
      </div>
      {marks.map((record) => (
        <button
          key={record.id}
          type="button"
          tabIndex={-1}
          className={`mark ${record.id === decision ? 'chosen' : ''}`}
          style={{ left: x(record.time) - 8 }}
          title={`${formatClock(record.time)} ${record.title}`}
          aria-label={`${formatClock(record.time)} ${record.title}`}
          data-testid={testIds.timeMark(record.id)}
          onClick={() => onChoose(record)}
        >
          <State name={isAct(record) ? 'act' : 'nonact'} size={11} />
        </button>
      ))}
    </>
  );
}
