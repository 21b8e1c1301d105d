import { expect, test, vi } from 'vitest';
import { testbedNow } from './twin-clock.ts';

test("a twin's time goes as fast as it went, stands while it is paused, and never runs far ahead of what was told", () => {
  vi.useFakeTimers({ now: 10_000 });
  try {
    const clock = { time: 1_000_000, startedAt: 0, paused: false, speed: 10, reached: 8 };
    expect(testbedNow({ clock: null, heardAt: 0 })).toBe(10_000);
    expect(testbedNow({ clock, heardAt: 9500 })).toBe(1_004_000);
    expect(testbedNow({ clock: { ...clock, paused: true }, heardAt: 9500 })).toBe(1_000_000);
    expect(testbedNow({ clock, heardAt: 0 })).toBe(1_016_000);
  } finally {
    vi.useRealTimers();
  }
});
