import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import { formatClock, formatNumber } from '../parts/format.ts';
import { useSettings } from '../state/settings.ts';
import { useTheme } from '../state/theme.ts';
import { type DecisionRecord, isAct } from '../state/types.ts';
import { useSize } from '../state/visible.ts';
import { texts } from '../texts/texts.ts';
import { dashes, type Line } from './lines.ts';
import { type ChartUnit, roundTop } from './scale-unit.ts';
import { thin } from './thin.ts';
import { timeTicks } from './time-axis.ts';

const words = texts.charts;

export interface TimeChartProps {
  lines: readonly Line[];
  unit: ChartUnit;
  target?: { value: number; label: string } | undefined;
  from: number;
  to: number;
  /** Acts are drawn on every chart; non-acts only where `nonActs` says so: many charts of rings would hide the lines. */
  decisions: readonly DecisionRecord[];
  nonActs: boolean;
  /** The page's time cursor; null when live. */
  cursor: number | null;
  /** Charts of one key share the pointer. */
  syncKey: string;
  onHover: (time: number | null) => void;
  onMove: (time: number) => void;
  onZoom: (range: [number, number] | null) => void;
  label: string;
}

const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const axisFont = '10.5px "Inter Variable", system-ui, sans-serif';

/** Lines over time on canvas: target with what is over it shaded, decision marks, the one cursor; drag zooms, double click resets, arrows move the cursor. */
export function TimeChart(props: TimeChartProps) {
  const { lines, unit, target, from, to, cursor, label } = props;
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const { width, height } = useSize(box);
  const theme = useTheme((state) => state.theme);
  const clock = useSettings(({ settings }) => settings?.clock);
  const chart = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  // A new chart only when its lines change; their points are handed over below.
  const shape = lines.map((line) => `${line.label}:${line.series}`).join('|') + (target ? `|target ${target.value}` : '');
  // Few points are handed over once, whatever part of them is looked at; of many, those that the width can show.
  const columns = Math.max(1, Math.round(width * devicePixelRatio));
  const many = lines.some(({ times }) => times.length > 4 * columns);
  const [first, last, room] = many ? [from, to, columns] : [0, 0, 0];
  const data = useMemo(() => {
    const shown = room > 0 ? lines.map((line) => ({ ...line, ...thin(line, first, last, room) })) : lines;
    return alignedData(shown, unit.factor, target ? target.value * unit.factor : null);
  }, [lines, unit.factor, target, first, last, room]);
  const ready = box !== null && width > 0 && height > 0;

  // biome-ignore lint/correctness/useExhaustiveDependencies: size and data are followed below without building anew; colours come from the theme
  useEffect(() => {
    if (!ready || !box) return;
    const made = new uPlot(options(latest, width, height), data, box);
    chart.current = made;
    return () => {
      chart.current = null;
      made.destroy();
    };
  }, [ready, box, shape, theme, clock, unit.unit]);
  useEffect(() => chart.current?.setSize({ width, height }), [width, height]);
  useEffect(() => chart.current?.setData(data, true), [data]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the range, the marks and the cursor are drawn from `latest`
  useEffect(() => {
    chart.current?.setScale('x', { min: from / 1000, max: to / 1000 });
  }, [from, to, cursor, props.decisions]);

  const summary = lines.map(
    (line) =>
      `${line.label} ${formatNumber((line.values.findLast((value) => value !== null) ?? Number.NaN) * unit.factor)} ${unit.unit}`,
  );
  return (
    <div
      ref={setBox}
      className="time-chart"
      role="img"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move the time cursor
      tabIndex={0}
      aria-label={words.arrowKeysMove(label, summary.join(', '))}
      onKeyDown={(event) => {
        const direction = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
        if (direction === 0) return;
        event.preventDefault();
        const step = ((to - from) / 300) * (event.shiftKey ? 10 : 1);
        props.onMove(Math.min(to, Math.max(from, (cursor ?? to) + direction * step)));
      }}
    />
  );
}

function alignedData(lines: readonly Line[], factor: number, target: number | null): uPlot.AlignedData {
  const tables = lines.map(
    (line): uPlot.AlignedData => [
      line.times.map((time) => time / 1000),
      line.values.map((value) => (value === null ? null : value * factor)),
    ],
  );
  const joined: uPlot.AlignedData = tables.length === 0 ? [[]] : tables.length === 1 ? tables[0]! : uPlot.join(tables);
  return target === null ? joined : ([...joined, joined[0].map(() => target)] as uPlot.AlignedData);
}

function options(latest: { current: TimeChartProps }, width: number, height: number): uPlot.Options {
  const { lines, target, syncKey } = latest.current;
  const grid = { stroke: token('--line'), width: 1 };
  const text = token('--text-3');
  return {
    width,
    height,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: {
      sync: { key: syncKey },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6, width: 2, fill: token('--surface') },
      y: false,
    },
    scales: {
      x: { time: true, range: () => [latest.current.from / 1000, latest.current.to / 1000] },
      y: {
        range: (_chart, low, high) => {
          const top = Math.max(high ?? 0, target ? target.value * latest.current.unit.factor * 1.3 : 0);
          const round = roundTop(top > 0 ? top * 1.02 : 1);
          return [low !== null && low < 0 ? -roundTop(-low * 1.02) : 0, round];
        },
      },
    },
    axes: [
      {
        stroke: text,
        font: axisFont,
        size: 22,
        gap: 4,
        grid: { show: false },
        ticks: { show: false },
        splits: (chart) =>
          timeTicks(
            (chart.scales.x?.min ?? 0) * 1000,
            (chart.scales.x?.max ?? 0) * 1000,
            Math.max(2, chart.width / 120),
          ).ticks.map((time) => time / 1000),
        values: (_chart, splits) => {
          const fine = splits.length > 1 && (splits[1] ?? 0) - (splits[0] ?? 0) < 60;
          return splits.map((seconds) => formatClock(seconds * 1000, fine ? 'second' : 'minute'));
        },
      },
      {
        stroke: text,
        font: axisFont,
        size: 34,
        gap: 6,
        grid,
        ticks: { show: false },
        splits: (chart) => {
          const { min = 0, max = 1 } = chart.scales.y ?? {};
          const low = min ?? 0;
          const high = max ?? 1;
          const parts = chart.height > 170 ? 4 : 2;
          return Array.from({ length: parts + 1 }, (_, index) => low + ((high - low) * index) / parts);
        },
        values: (_chart, splits) =>
          splits.map((value) => formatNumber(value, Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 0 : 1)),
      },
    ],
    series: [
      {},
      ...lines.map(
        (line): uPlot.Series => ({
          label: line.label,
          stroke: token(`--series-${line.series}`),
          width: 1.5,
          dash: [...(dashes[line.series] ?? [])],
          points: { show: false },
          spanGaps: false,
        }),
      ),
      ...(target
        ? [
            {
              label: target.label,
              stroke: token('--target'),
              width: 1.2,
              dash: [5, 3],
              points: { show: false },
            } satisfies uPlot.Series,
          ]
        : []),
    ],
    bands:
      target && lines.length === 1 ? [{ series: [1, 2], fill: `color-mix(in srgb, ${token('--target')} 16%, transparent)` }] : [],
    hooks: {
      draw: [(chart) => drawMarks(chart, latest.current)],
      setCursor: [
        (chart) => {
          const left = chart.cursor.left ?? -1;
          latest.current.onHover(left < 0 ? null : chart.posToVal(left, 'x') * 1000);
        },
      ],
      setSelect: [
        (chart) => {
          if (chart.select.width < 6) return;
          const range: [number, number] = [
            chart.posToVal(chart.select.left, 'x') * 1000,
            chart.posToVal(chart.select.left + chart.select.width, 'x') * 1000,
          ];
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.onZoom(range);
        },
      ],
      ready: [
        (chart) => {
          chart.over.addEventListener('dblclick', () => latest.current.onZoom(null));
          chart.over.addEventListener('click', (event) => {
            if (event.detail === 1 && chart.select.width === 0)
              latest.current.onMove(chart.posToVal(chart.cursor.left ?? 0, 'x') * 1000);
          });
        },
      ],
    },
  };
}

/** ▲ and ○ with their dotted lines, the target's label, and the page's cursor with a ring on each line. */
function drawMarks(chart: uPlot, { decisions, nonActs, cursor, from, to, target, lines, unit }: TimeChartProps): void {
  const { ctx } = chart;
  const ratio = devicePixelRatio;
  const { left, top, height } = chart.bbox;
  const x = (time: number) => chart.valToPos(time / 1000, 'x', true);
  ctx.save();
  ctx.lineWidth = ratio;
  if (target) {
    ctx.fillStyle = token('--target');
    ctx.font = `500 ${10.5 * ratio}px "Inter Variable", system-ui, sans-serif`;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'bottom';
    // The line may run through it.
    ctx.strokeStyle = token('--surface');
    ctx.lineWidth = 4 * ratio;
    ctx.lineJoin = 'round';
    ctx.strokeText(target.label, left + 6 * ratio, chart.valToPos(target.value * unit.factor, 'y', true) - 4 * ratio);
    ctx.lineWidth = ratio;
    ctx.fillText(target.label, left + 6 * ratio, chart.valToPos(target.value * unit.factor, 'y', true) - 4 * ratio);
  }
  for (const record of decisions) {
    if (record.time < from || record.time > to) continue;
    const at = x(record.time);
    if (isAct(record)) {
      ctx.strokeStyle = token('--line-3');
      ctx.setLineDash([ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(at, top);
      ctx.lineTo(at, top + height);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.fillStyle = token('--accent');
      ctx.beginPath();
      ctx.moveTo(at, top - 2 * ratio);
      ctx.lineTo(at + 4.5 * ratio, top + 6 * ratio);
      ctx.lineTo(at - 4.5 * ratio, top + 6 * ratio);
      ctx.fill();
    } else if (nonActs) {
      ctx.setLineDash([]);
      ctx.strokeStyle = token('--line-3');
      ctx.fillStyle = token('--surface');
      ctx.lineWidth = 1.4 * ratio;
      ctx.beginPath();
      ctx.arc(at, top + 2 * ratio, 3 * ratio, 0, 2 * Math.PI);
      ctx.fill();
      ctx.stroke();
      ctx.lineWidth = ratio;
    }
  }
  if (cursor !== null && cursor >= from && cursor <= to) {
    const at = x(cursor);
    ctx.setLineDash([]);
    ctx.strokeStyle = token('--accent');
    ctx.lineWidth = 1.2 * ratio;
    ctx.beginPath();
    ctx.moveTo(at, top);
    ctx.lineTo(at, top + height);
    ctx.stroke();
    const [times] = chart.data;
    const index = chart.valToIdx(cursor / 1000);
    if (times[index] !== undefined) {
      lines.forEach((line, number) => {
        const value = chart.data[number + 1]?.[index];
        if (value === null || value === undefined) return;
        ctx.strokeStyle = token(`--series-${line.series}`);
        ctx.fillStyle = token('--surface');
        ctx.lineWidth = 2 * ratio;
        ctx.beginPath();
        ctx.arc(at, chart.valToPos(value, 'y', true), 3 * ratio, 0, 2 * Math.PI);
        ctx.fill();
        ctx.stroke();
      });
    }
  }
  ctx.restore();
}
