import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { columnsOf, quoted, withKeys } from '../../main/store/parquet.ts';
import { Store } from '../../main/store/store.ts';
import { demoDecisions } from '../doubles/contract/decisions.ts';

/** What nodes tell: the metric, and the largest value of a plausible one. */
const metrics: readonly [name: string, most: number][] = [
  ['cpu_used_ratio', 1],
  ['memory_used_bytes', 8e9],
  ['memory_used_ratio', 1],
  ['power_w', 60],
  ['cpu_frequency_ghz', 3],
  ['network_received_bytes_per_second', 1e8],
  ['network_sent_bytes_per_second', 1e8],
  ['disk_used_ratio', 1],
  ['temperature_celsius', 90],
  ['load_average', 8],
];

export interface Day {
  /** Names in the order of their numbers. */
  nodes: readonly string[];
  clusterOf(index: number): string;
  roleOf(index: number): 'management' | 'master' | 'worker';
  hours: number;
  /** Seconds between two readings of one series. */
  period: number;
  decisionsAnHour: number;
  /** ms since the epoch. */
  end: number;
}

/**
 * Fills a testbed's store as hours of operation would have left it: cold readings as files of Parquet, which the store takes up by itself, the last half
 * hour, decisions and pictures through its own interface. @returns how many readings there are
 */
export async function fillStore(file: string, day: Day, say: (text: string) => void): Promise<number> {
  const { nodes, hours, period, end } = day;
  const start = end - hours * 3_600_000;
  const hotFrom = end - 30 * 60_000;
  const keys = nodes.flatMap((node) => metrics.map(([metric]) => ({ metric, node, component: '', application: '' })));
  const folder = join(dirname(file), 'telemetry');
  await mkdir(folder, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  try {
    await connection.run(`create table series (id integer primary key, metric varchar not null, node varchar not null,
      component varchar not null, application varchar not null, source varchar not null)`);
    for (const [index, { metric, node }] of keys.entries())
      await connection.run("insert into series values ($1, $2, $3, '', '', 'measured')", [index + 1, metric, node]);
    const most = `case metric ${metrics.map(([name, value]) => `when ${quoted(name)} then ${value}`).join(' ')} end`;
    const size = Math.max(1, Math.floor(1_900_000 / keys.length)) * period * 1000;
    for (let from = start; from < hotFrom; from += size) {
      const until = Math.min(from + size, hotFrom);
      // A wave of the day, one of minutes, and noise: neither constant nor the same for two nodes.
      const readings = `select id as series, time, (${most} * (0.5 + 0.2 * sin(time / 1.4e7 + id) + 0.15 * sin(time / 9e4 + id * 7)
        + 0.05 * (hash(time * 4099 + id) % 1000) / 1000))::float as value
        from series, range(${from}, ${until}, ${period * 1000}) moments(time)`;
      const path = join(folder, `${from}-${until}-0.parquet`);
      await connection.run(`copy (select ${columnsOf('s')}, series from (${withKeys(readings)}) s order by metric, series, time)
        to ${quoted(path)} (format parquet, parquet_version v2, compression zstd, row_group_size 122880)`);
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }

  const store = await Store.open(file, say);
  let readings = store.cold.parts.reduce((sum, part) => sum + part.readings, 0);
  for (let time = hotFrom, round = 0; time <= end; time += period * 1000, round++) {
    for (const [index, key] of keys.entries()) {
      const wave = 0.5 + 0.2 * Math.sin(time / 1.4e7 + index + 1) + 0.15 * Math.sin(time / 9e4 + (index + 1) * 7);
      store.telemetry.append({ key, source: 'measured', time, value: wave * (metrics[index % metrics.length]?.[1] ?? 1) });
      readings++;
    }
    if (round % 50 === 49) await store.flush();
  }
  const shapes = demoDecisions(end);
  for (let index = 0; index < hours * day.decisionsAnHour; index++) {
    const shape = shapes[index % shapes.length];
    if (shape)
      store.decisions.save({
        ...shape,
        id: `${shape.id}-${index}`,
        time: Math.round(end - (index * 3_600_000) / day.decisionsAnHour),
      });
  }
  for (let time = start; time < end; time += 60_000) store.pictures.save({ time, picture: pictureAt(day, time) });
  await store.flush();
  await store.close();
  return readings;
}

function pictureAt({ nodes, clusterOf, roleOf }: Day, time: number) {
  return {
    ...{ testbed: 'day', kind: 'hosts' as const, doubles: [], agents: [], applications: [] },
    continuum: { name: 'continuum', karmada: 'v1.13.0' },
    clusters: [
      { name: 'management', kubernetes: 'v1.31.0', joined: true, role: 'management' as const },
      { name: 'cluster1', kubernetes: 'v1.31.0', joined: true, role: 'member' as const },
    ],
    nodes: nodes.map((name, index) => ({
      ...{ name, cluster: clusterOf(index), role: roleOf(index), address: `10.0.${index >> 8}.${index & 255}` },
      // Something is another way each minute, as the store wants it.
      ...{ ready: (time / 60_000 + index) % 97 !== 0, cores: 4, frequencyGHz: 2.4, memoryBytes: 2 ** 33 },
    })),
  };
}
