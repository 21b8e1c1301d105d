import { expect, test } from 'vitest';
import { TwinLogs } from './twin-logs.ts';

const line = (time: number) => ({ time, level: 'info' as const, text: `line ${time}`, details: {} });

test('an agent of a twin is heard from what it said last to what it says now, and no other', async () => {
  const logs = new TwinLogs();
  logs.begin('twin');
  for (let time = 1; time <= 1200; time++) logs.take('twin', 'node-a', line(time));
  logs.take('twin', 'node-b', line(5000));
  const abort = new AbortController();
  const heard: number[] = [];
  const passing = logs.pass(
    { twin: 'twin', agent: 'node-a', follow: true, lines: 3 },
    async (lines) => void heard.push(...lines.map(({ time }) => time)),
    abort.signal,
  );
  await expect.poll(() => heard).toEqual([1198, 1199, 1200]);
  logs.take('twin', 'node-b', line(6000));
  logs.take('other', 'node-a', line(6000));
  logs.take('twin', 'node-a', line(1201));
  await expect.poll(() => heard).toEqual([1198, 1199, 1200, 1201]);
  abort.abort();
  await passing;

  const all: number[] = [];
  const take = async (lines: { time: number }[]) => void all.push(...lines.map(({ time }) => time));
  await logs.pass({ twin: 'twin', agent: 'node-a', since: 1200 }, take, new AbortController().signal);
  expect(all).toEqual([1200, 1201]);
  await logs.pass({ twin: 'twin', agent: 'node-a' }, take, new AbortController().signal);
  expect(all.slice(2)).toHaveLength(1000);
  // Another run of it has another world.
  logs.begin('twin');
  await logs.pass({ twin: 'twin', agent: 'node-a' }, take, new AbortController().signal);
  expect(all).toHaveLength(1002);
});
