import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { fileOutbox, memoryOutbox, type Outbox } from './outbox.ts';

/** The disk takes half of each line while it is full, as one does. */
const disk = vi.hoisted(() => ({ isFull: false }));
vi.mock('node:fs', async (original) => {
  const files = await original<typeof import('node:fs')>();
  const writeSync = (file: number, bytes: Buffer) =>
    files.writeSync(file, disk.isFull ? bytes.subarray(0, bytes.length / 2) : bytes);
  return { ...files, writeSync };
});

const folder = mkdtempSync(join(tmpdir(), 'outbox-'));
const path = join(folder, 'a.outbox.jsonl');
const opened: Outbox[] = [];
const troubles: string[] = [];
const open = (mostBytes?: number): Outbox => {
  const outbox = fileOutbox(path, (text) => troubles.push(text), mostBytes);
  opened.push(outbox);
  return outbox;
};
afterEach(() => {
  for (const outbox of opened.splice(0)) outbox.close();
  troubles.splice(0);
  rmSync(path, { force: true });
});
const message = (id: string | number, bytes = 100) => ({
  id: `${id}`,
  subject: 'mls.decision.c.node.a',
  text: 'ü'.repeat(bytes / 2),
});
const ids = (outbox: Outbox) => [...outbox.waiting()].map(({ id }) => id);

test('what waits is there after an end, in its order and as it was; what was taken is not', () => {
  const before = open();
  for (const id of ['a', 'b', 'c']) before.hold(message(id));
  before.release('b');
  const after = open();
  expect([...after.waiting()]).toEqual([message('a'), message('c')]);
  expect(after.size).toBe(2);
  for (const id of ['a', 'c']) after.release(id);
  expect(statSync(path).size).toBe(0);
  expect(troubles).toEqual([]);
});

test('what was cut off in its middle is told of, and does not spoil what comes after it', () => {
  open().hold(message('a'));
  appendFileSync(path, 'no JSON\n{"id":"x","subject":"mls.dec');
  const after = open();
  after.hold(message('b'));
  expect(troubles).toEqual(Array(2).fill('a waiting decision cannot be read any more and was left out'));
  expect(ids(open())).toEqual(['a', 'b']);
});

test('past its bound the oldest go, which is told with their number; a restart brings none of them back', () => {
  const outbox = open(2000);
  for (let i = 0; i < 40; i++) outbox.hold(message(i));
  const kept = ids(outbox);
  expect(kept.length).toBeGreaterThan(5);
  expect(kept.at(-1)).toBe('39');
  const dropped = 40 - kept.length;
  expect(troubles[0]).toMatch(/^1 decision dropped, the oldest first/);
  expect(troubles.length).toBeLessThan(8);
  expect(ids(open(2000))).toEqual(kept);
  for (const id of kept) outbox.release(id);
  expect(troubles.at(-1)).toMatch(new RegExp(`^${dropped} decisions dropped`));
});

test('a long file is written anew when most of it is over', () => {
  const outbox = open();
  outbox.hold(message('first', 1000));
  for (let i = 0; i < 60; i++) {
    outbox.hold(message(i, 100_000));
    outbox.release(`${i}`);
  }
  expect(statSync(path).size).toBeLessThan(5 * 2 ** 20);
  expect([...outbox.waiting()]).toEqual([message('first', 1000)]);
  expect(readFileSync(path, 'utf8').split('\n')[0]).toContain('"first"');
  outbox.hold(message('last'));
  expect(ids(open())).toEqual(['first', 'last']);
});

test('thousands wait in a file, where memory alone keeps fewer and says so', () => {
  const outbox = open();
  for (let i = 0; i < 5000; i++) outbox.hold(message(i, 1000));
  expect(outbox.size).toBe(5000);
  expect(ids(open())).toHaveLength(5000);
  const said: string[] = [];
  const small = memoryOutbox((text) => said.push(text), 1000);
  for (let i = 0; i < 12; i++) small.hold(message(i, 200));
  expect(small.size).toBe(10);
  expect(said.at(-1)).toMatch(/^2 decisions dropped/);
});

test('what a full disk has no room for waits in memory, and what comes when there is room again in the file', () => {
  const outbox = open();
  disk.isFull = true;
  outbox.hold(message('a'));
  disk.isFull = false;
  outbox.hold(message('b'));
  expect(troubles).toEqual(['a decision waits in memory alone: the disk is full']);
  expect(ids(outbox)).toEqual(['b', 'a']);
  expect(ids(open())).toEqual(['b']);
  outbox.release('a');
  expect(outbox.size).toBe(1);
});
