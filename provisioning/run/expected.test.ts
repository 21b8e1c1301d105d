import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { RunEvent } from './events.ts';
import { expectedDurations } from './expected.ts';
import { Journal, journalFile } from './journal.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'expected-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function keep(run: string, facts: number, kubernetes: number, state: 'changed' | 'in-place', end: 'done' | 'failed') {
  const events: RunEvent[] = [
    { type: 'started', time: 0, run, testbed: 'lab', verb: 'up', hosts: ['a'], phases: [], doubles: [] },
    { type: 'phase', time: 0, phase: 'facts', state: 'done', durationMs: facts },
    { type: 'step', time: 0, phase: 'kubernetes', host: 'a', step: 's', title: 'S', state },
    { type: 'phase', time: 0, phase: 'kubernetes', state: 'done', durationMs: kubernetes },
    { type: 'finished', time: 0, state: end, changed: 1, inPlace: 0, wallMs: 1, overheadMs: 0, sentBytes: 0, summary: '' },
  ];
  const journal = await Journal.create(journalFile(folder, run));
  for (const event of events) journal.write(event);
  await journal.close();
}

it('is the median of what phases took when they had something to do, or when they had not', async () => {
  await keep('1', 10, 30_000, 'changed', 'done');
  await keep('2', 30, 90_000, 'changed', 'done');
  await keep('3', 20, 40_000, 'changed', 'done');
  await keep('4', 25, 200, 'in-place', 'done');
  await keep('5', 500, 5, 'changed', 'failed');
  writeFileSync(journalFile(folder, '6'), 'rubbish\nmore\n');
  expect([...(await expectedDurations(folder, 'up'))]).toEqual([
    ['facts', 20],
    ['kubernetes', 40_000],
  ]);
  expect((await expectedDurations(folder, 'up', false)).get('kubernetes')).toBe(200);
  expect(await expectedDurations(folder, 'down')).toEqual(new Map());
  expect(await expectedDurations(path.join(folder, 'none'), 'up')).toEqual(new Map());
});
