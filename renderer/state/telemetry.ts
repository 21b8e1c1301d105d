import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { currentClient, useConnection } from './connection.ts';
import type { Shown } from './time.ts';
import { testbedNow } from './twin-clock.ts';
import type { Series, SeriesKey } from './types.ts';
import { useStream } from './use-stream.ts';
import { useDocumentVisible } from './visible.ts';

const idOf = (key: SeriesKey) => `${key.metric}|${key.node}|${key.component}`;

export interface Reading {
  key: SeriesKey;
  time: number;
  value: number;
}

/** A step so coarse that a chart of this range has about 600 points; from half a minute on in whole minutes, which the store keeps ready. */
export const stepFor = (rangeMs: number): number => {
  const seconds = Math.max(1, Math.ceil(rangeMs / 600 / 1000));
  return (seconds < 30 ? seconds : Math.ceil(seconds / 60) * 60) * 1000;
};

/** Appends readings to series; a pause of more than four steps is a gap, and what is older than `from` is dropped. */
export function appendReadings(
  known: readonly Series[],
  readings: readonly Reading[],
  stepMs: number,
  from: number,
  unitOf: (metric: string) => string,
): Series[] {
  const byId = new Map(known.map((series) => [idOf(series.key), series]));
  const changed = new Map<string, { times: number[]; values: (number | null)[]; base: Series }>();
  for (const { key, time, value } of readings) {
    const id = idOf(key);
    let target = changed.get(id);
    if (!target) {
      const base = byId.get(id) ?? { key, unit: unitOf(key.metric), source: 'measured', times: [], values: [] };
      target = { times: [...base.times], values: [...base.values], base };
      changed.set(id, target);
    }
    const last = target.times.at(-1);
    if (last !== undefined && time <= last) continue;
    if (last !== undefined && time - last > 4 * stepMs + 4000) {
      target.times.push(last + stepMs);
      target.values.push(null);
    }
    target.times.push(time);
    target.values.push(value);
  }
  for (const [id, { times, values, base }] of changed) {
    const first = times.findIndex((time) => time >= from);
    byId.set(id, { ...base, times: first < 0 ? [] : times.slice(first), values: first < 0 ? [] : values.slice(first) });
  }
  return [...byId.values()];
}

/** What is asked of a window that moves on each second changes only when it is another window. */
const rounded = (ms: number): number => Math.round(ms / 1000) * 1000;

/** Series of some metrics in what is shown, kept up to date while that follows; empty until they are loaded. */
export function useSeries(
  testbed: string | null,
  metrics: readonly string[],
  shown: Pick<Shown, 'from' | 'to' | 'follows'>,
  unitOf: (metric: string) => string,
) {
  const [series, setSeries] = useState<Series[]>([]);
  const [loaded, setLoaded] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const { client, state } = useConnection();
  const visible = useDocumentVisible();
  const rangeMs = shown.to - shown.from;
  const stepMs = stepFor(rangeMs);
  const key = metrics.join(' ');
  // While it follows, what comes is appended: the past is asked for once, and again only for a much longer one.
  const grown = 2 ** Math.ceil(Math.log2(Math.max(rangeMs, 60_000)));
  const window = shown.follows ? `follow ${grown}` : `${rounded(shown.from)} ${rounded(shown.to)}`;
  const latest = useRef(shown);
  latest.current = shown;
  /** Heard, and not shown yet. */
  const coming = useRef<Reading[]>([]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `window` says when another part of the past is wanted
  useEffect(() => {
    if (!testbed || key === '' || !client || state !== 'connected' || !visible) return;
    let wanted = true;
    const { from, to, follows } = latest.current;
    currentClient()
      .call('telemetry.query', {
        testbed,
        metrics: key.split(' '),
        from: follows ? to - grown : from,
        to,
        stepMs: follows ? stepFor(grown) : stepMs,
      })
      .then((answer) => {
        if (!wanted) return;
        setSeries(answer);
        setLoaded(true);
        setError(null);
      })
      .catch((reason: unknown) => {
        if (wanted) setError(reason instanceof Error ? reason.message : String(reason));
      });
    return () => {
      wanted = false;
    };
  }, [testbed, key, window, client, state, visible]);

  useStream(
    'telemetry.watch',
    testbed && key !== '' && loaded && shown.follows ? { testbed, metrics: key.split(' ') } : null,
    (readings) => {
      coming.current.push(...readings);
    },
    { onOpen: () => (coming.current = []) },
  );
  // With the picture that moves on, so that it is drawn once.
  // biome-ignore lint/correctness/useExhaustiveDependencies: what has come is taken whenever the end that is shown moves
  useLayoutEffect(() => {
    if (coming.current.length === 0) return;
    const readings = coming.current;
    coming.current = [];
    setSeries((known) => appendReadings(known, readings, stepMs, testbedNow() - grown, unitOf));
  }, [shown.to]);
  return { series, loaded, error };
}
