import { useCallback, useMemo, useRef, useState } from 'react';
import { type Line, summarise } from '../../charts/lines.ts';
import { chartUnit } from '../../charts/scale-unit.ts';
import { Badge, Button, ErrorNote, Segment, Select } from '../../parts/controls.tsx';
import { formatAge, formatClock, formatNumber, formatQuantity, metricTitle, metricUnit } from '../../parts/format.ts';
import { Icon, State } from '../../parts/glyphs.tsx';
import { saveFile } from '../../parts/save-file.ts';
import type { ShownError } from '../../state/connection.ts';
import { headlineOf, parseReadings, type Reading } from '../../state/headline.ts';
import { useShownTime, useTopology } from '../../state/moment.ts';
import { useNavigation } from '../../state/navigation.ts';
import { useSeries } from '../../state/telemetry.ts';
import { useCurrentTestbed } from '../../state/testbeds.ts';
import { ranges, useTime, wholeMs } from '../../state/time.ts';
import type { Topology } from '../../state/types.ts';
import { useWorld } from '../../state/world.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { orderNodes } from '../../topology/layout.ts';
import { ChartCard } from './chart-card.tsx';
import { type ChartDefinition, defineCharts } from './chart-definitions.ts';
import { asCsv } from './export.ts';
import { chosenMetrics, pinnedFirst, readChoice, withPin, writeChoice } from './metric-choice.ts';
import { MetricPicker } from './metric-picker.tsx';
import { fetchParquet } from './parquet.ts';

const words = texts.telemetry;

/** How the application does, in one sentence. */
export function telemetrySentence(topology: Topology): string {
  const headline = headlineOf(topology);
  if (!headline) return words.noApplication;
  const what = `${metricTitle(headline.metric)} of ${headline.application}`;
  if (headline.value === null) return words.hasNotBeen(what);
  const people = parseReadings(topology).find((reading) => reading.metric === 'people_in_view');
  const withPeople = people ? words.withInView(formatQuantity(people.value, 'people')) : '';
  return words.isItsTarget(
    what,
    formatQuantity(headline.value, headline.unit),
    withPeople,
    headline.met ? 'within' : 'missing',
    formatQuantity(headline.target, headline.unit),
  );
}

export function TelemetryPage() {
  const testbed = useCurrentTestbed();
  const topology = useTopology();
  const go = useNavigation((state) => state.go);
  if (!testbed || !topology) {
    return (
      <main className="page">
        <div className="empty">
          <h1 data-testid={testIds.sentence}>{words.noMeasurement}</h1>
          <p>{words.latencyCpu}</p>
          <Button onClick={() => go('testbeds')}>{words.chooseATestbed}</Button>
        </div>
      </main>
    );
  }
  return <Charts key={testbed.name} topology={topology} testbed={testbed.name} />;
}

function Charts({ topology, testbed }: { topology: Topology; testbed: string }) {
  const [view, setView] = useState<'charts' | 'table'>('charts');
  const [hover, setHover] = useState<number | null>(null);
  const [failed, setFailed] = useState<ShownError | null>(null);
  const decisions = useWorld((state) => state.decisions);
  const { cursor, rangeMs, window: zoom, live, moveTo, show, setRange } = useTime();
  const { end: now, ...shown } = useShownTime(400);
  const { from, to, follows } = shown;
  const headline = headlineOf(topology);
  // The list is a string first, so that a new picture with the same metrics asks for nothing anew.
  const [choice, setChoice] = useState(() => readChoice(testbed));
  const readings = useEveryReading(topology);
  const metricKey = chosenMetrics(readings, headline?.metric ?? null, choice).join(' ');
  const metrics = useMemo(() => metricKey.split(' ').filter(Boolean), [metricKey]);
  const { series, loaded, error } = useSeries(testbed, metrics, shown, metricUnit);
  const nodeKey = orderNodes(topology.nodes)
    .map((node) => node.name)
    .join(' ');
  const headlineKey = JSON.stringify(
    headline ? { ...headline, value: null, time: null, node: null, component: null, met: null } : null,
  );
  const targetKey = JSON.stringify(
    topology.applications.flatMap(({ application, targets }) => targets.map((target) => ({ application, ...target }))),
  );
  const charts = useMemo(
    () =>
      pinnedFirst(
        defineCharts(series, metrics, nodeKey.split(' '), JSON.parse(headlineKey), JSON.parse(targetKey)),
        choice.pinned,
      ),
    [series, metrics, nodeKey, headlineKey, targetKey, choice.pinned],
  );
  const pin = useCallback(
    (metric: string) =>
      setChoice((before) => {
        const next = withPin(before, metric);
        writeChoice(testbed, next);
        return next;
      }),
    [testbed],
  );
  const at = hover ?? cursor;

  return (
    <main className="page telemetry-page">
      <div className="toolbar">
        <h1>{words.telemetry}</h1>
        <Segment
          label={words.view}
          value={view}
          onChange={setView}
          options={[
            {
              value: 'charts',
              label: (
                <>
                  <Icon name="telemetry" size={14} />
                  {words.charts}
                </>
              ),
            },
            {
              value: 'table',
              label: (
                <>
                  <Icon name="table" size={14} />
                  {words.table}
                </>
              ),
            },
          ]}
        />
        <span className="body secondary ellipsis" data-testid={testIds.sentence} title={telemetrySentence(topology)}>
          {telemetrySentence(topology)}
        </span>
        <span className="spacer" />
        {topology.kind === 'twin' ? <Badge kind="info">{words.allValuesSimulated}</Badge> : null}
        <span className="row gap-12 caption muted legend">
          <span className="key">
            <State name="act" size={11} />
            {words.act}
          </span>
          <span className="key">
            <State name="nonact" size={11} />
            {words.nonAct}
          </span>
          {cursor === null ? null : (
            <span className="key">
              <svg width="18" height="8" aria-hidden="true">
                <path d="M0 4H18" stroke="var(--accent)" strokeWidth="1.5" />
              </svg>
              {words.cursor(formatClock(cursor))}
            </span>
          )}
        </span>
        <MetricPicker
          readings={readings}
          headline={headline?.metric ?? null}
          shown={metrics}
          choice={choice}
          onChange={(next) => {
            setChoice(next);
            writeChoice(testbed, next);
          }}
        />
        <Button
          icon="download"
          data-testid={testIds.exportCsv}
          disabled={series.length === 0}
          title={words.theReadings}
          onClick={() => saveFile(`${testbed}-telemetry.csv`, new Blob([asCsv(series, from, to)], { type: 'text/csv' }))}
        >
          {words.csv}
        </Button>
        <Button
          icon="download"
          data-testid={testIds.exportParquet}
          disabled={metrics.length === 0}
          title={words.everyReading}
          onError={setFailed}
          onClick={async () => {
            setFailed(null);
            saveFile(`${testbed}-telemetry.parquet`, await fetchParquet(testbed, metrics, from, to));
          }}
        >
          {words.parquet}
        </Button>
        {zoom ? <Button onClick={() => show(null)}>{words.showTheWhole}</Button> : null}
        <Select
          label={words.range}
          value={String(rangeMs)}
          options={ranges.map(({ label, ms }) => ({ value: String(ms), label: ms === wholeMs ? label : words.last(label) }))}
          onChange={(value) => setRange(Number(value))}
        />
        <button type="button" className={`live ${cursor === null && !zoom ? 'on' : ''}`} onClick={live}>
          <i />
          {words.live}
        </button>
      </div>
      <ErrorNote error={failed} />
      {charts.length === 0 ? (
        <div className="empty">
          <h2>{error ?? (loaded ? words.noMeasurementIn : words.readingMeasurements)}</h2>
        </div>
      ) : view === 'charts' ? (
        <div className="chart-grid">
          {charts.map((chart) => (
            <ChartCard
              key={chart.id}
              chart={chart}
              from={from}
              to={to}
              at={at}
              cursor={cursor}
              live={follows}
              decisions={decisions}
              onHover={setHover}
              onMove={moveTo}
              onZoom={show}
              pinned={choice.pinned.includes(chart.id)}
              onPin={pin}
            />
          ))}
        </div>
      ) : (
        <SummaryTable charts={charts} now={now} />
      )}
    </main>
  );
}

/** Also of metrics that nobody told yet, or tells no more, at the cursor: a chart does not go because the cursor moves. */
function useEveryReading(topology: Topology): Reading[] {
  const known = useRef(new Map<string, Reading>());
  return useMemo(() => {
    const live = useWorld.getState().topology;
    for (const one of [live, topology])
      if (one) for (const reading of parseReadings(one)) known.current.set(keyOf(reading), reading);
    return [...known.current.values()];
  }, [topology]);
}
const keyOf = ({ metric, node, component }: Reading): string => `${metric}|${node}|${component}`;

function SummaryTable({ charts, now }: { charts: readonly ChartDefinition[]; now: number }) {
  return (
    <div className="topology-table">
      <section className="card" aria-label={words.measurements}>
        <table>
          <thead>
            <tr>
              <th>{words.metric}</th>
              <th>{words.of3}</th>
              <th className="number">{words.last2}</th>
              <th className="number">{words.lowest}</th>
              <th className="number">{words.mean}</th>
              <th className="number">{words.highest}</th>
              <th>{words.unit}</th>
              <th>{words.age}</th>
              <th>{words.source}</th>
            </tr>
          </thead>
          <tbody>
            {charts.flatMap((chart) =>
              chart.lines.map((line) => <SummaryRow key={`${chart.id}-${line.label}`} chart={chart} line={line} now={now} />),
            )}
          </tbody>
        </table>
      </section>
    </div>
  );
}

function SummaryRow({ chart, line, now }: { chart: ChartDefinition; line: Line; now: number }) {
  const summary = summarise(line);
  const { factor, digits, unit } = chartUnit(chart.unit, summary.highest ?? 0);
  const number = (value: number | null) => (value === null ? formatNumber(null) : formatNumber(value * factor, digits));
  const last = line.times.at(-1);
  return (
    <tr>
      <td>{chart.title}</td>
      <td className="secondary">{line.label}</td>
      <td className="number label">{number(summary.last)}</td>
      <td className="number">{number(summary.lowest)}</td>
      <td className="number">{number(summary.mean)}</td>
      <td className="number">{number(summary.highest)}</td>
      <td className="secondary">{unit}</td>
      <td className="secondary">{last === undefined ? '–' : formatAge(now - last)}</td>
      <td className="secondary">{chart.source || words.measured}</td>
    </tr>
  );
}
