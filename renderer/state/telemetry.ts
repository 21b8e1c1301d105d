import { useEffect, useState } from 'react';
import { currentClient, useConnection } from './connection.ts';
import type { Series, SeriesKey } from './types.ts';
import { useStream } from './use-stream.ts';
import { useDocumentVisible } from './visible.ts';

const idOf = (key: SeriesKey) => `${key.metric}|${key.node}|${key.component}`;

export interface Reading {
  key: SeriesKey;
  time: number;
  value: number;
}

/** A step so coarse that a chart of this range has about 600 points. */
export const stepFor = (rangeMs: number): number => Math.max(1000, Math.ceil(rangeMs / 600 / 1000) * 1000);

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

/** Series of some metrics over the last `rangeMs`, kept up to date; empty until they are loaded. */
export function useSeries(
  testbed: string | null,
  metrics: readonly string[],
  rangeMs: number,
  unitOf: (metric: string) => string,
) {
  const [series, setSeries] = useState<Series[]>([]);
  const [loaded, setLoaded] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const { client, state } = useConnection();
  const visible = useDocumentVisible();
  const stepMs = stepFor(rangeMs);
  const key = metrics.join(' ');

  useEffect(() => {
    if (!testbed || key === '' || !client || state !== 'connected' || !visible) return;
    let wanted = true;
    const to = Date.now();
    currentClient()
      .call('telemetry.query', { testbed, metrics: key.split(' '), from: to - rangeMs, to, stepMs })
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
  }, [testbed, key, rangeMs, stepMs, client, state, visible]);

  useStream('telemetry.watch', testbed && key !== '' && loaded ? { testbed, metrics: key.split(' ') } : null, (readings) =>
    setSeries((known) => appendReadings(known, readings, stepMs, Date.now() - rangeMs, unitOf)),
  );
  return { series, loaded, error };
}
