import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { quietFlood } from './quiet-flood.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('what a person can follow is kept for screen readers; a flood is not, until it is over', () => {
  const drawn: number[][] = [];
  const terminal = {
    options: { screenReaderMode: true },
    rows: 24,
    refresh: (from: number, to: number) => void drawn.push([from, to]),
  };
  const flood = quietFlood(terminal);
  for (let round = 0; round < 50; round++) {
    flood.takes(4000)();
    vi.advanceTimersByTime(120);
  }
  expect(terminal.options.screenReaderMode).toBe(true);
  for (let round = 0; round < 10; round++) {
    flood.takes(64_000)();
    vi.advanceTimersByTime(400);
  }
  expect([terminal.options.screenReaderMode, drawn]).toEqual([false, []]);
  // However slowly the terminal takes it, it is the same flood.
  const taken = flood.takes(64_000);
  vi.advanceTimersByTime(5000);
  expect(terminal.options.screenReaderMode).toBe(false);
  taken();
  vi.advanceTimersByTime(600);
  expect([terminal.options.screenReaderMode, drawn]).toEqual([true, [[0, 23]]]);
  const last = flood.takes(40_000);
  flood.close();
  last();
  vi.advanceTimersByTime(1000);
  expect(drawn).toHaveLength(1);
});
