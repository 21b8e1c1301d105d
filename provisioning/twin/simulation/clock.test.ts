import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SimulatedClock } from './clock.ts';

const start = Date.UTC(2026, 0, 1);
let clock: SimulatedClock;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] });
  clock = new SimulatedClock(10, start);
});
afterEach(() => {
  clock.close();
  vi.useRealTimers();
});
const since = (): number => clock.now() - start;

describe("a twin's time", () => {
  test('runs so many times as fast, calls what is due in order, and stands still while paused', async () => {
    const calls: [string, number][] = [];
    clock.every(1000, () => void calls.push(['beat', since()]));
    clock.after(2500, () => void calls.push(['once', since()]));
    clock.after(2500, () => void calls.push(['closed', since()])).close();
    await vi.advanceTimersByTimeAsync(301);
    expect(calls.map(([name]) => name)).toEqual(['beat', 'beat', 'once', 'beat']);
    for (const [index, at] of [1000, 2000, 2500, 3000].entries()) expect(Math.abs(calls[index]![1] - at)).toBeLessThan(20);
    clock.pause();
    const stood = since();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(since()).toBe(stood);
    expect(calls.length).toBe(4);
    expect(clock.state()).toMatchObject({ paused: true, speed: 10, reached: 0, time: start + stood, startedAt: start });
    clock.resume();
    await vi.advanceTimersByTimeAsync(100);
    expect(since() - stood).toBeCloseTo(1000, -1);
    expect(calls.length).toBe(5);
  });

  test('goes on from where it is at another speed, and says who changed it', async () => {
    let changes = 0;
    clock.onChange(() => changes++);
    await vi.advanceTimersByTimeAsync(100);
    clock.setSpeed(1000);
    await vi.advanceTimersByTimeAsync(100);
    expect(since()).toBeCloseTo(1000 + 100_000, -2);
    for (const wrong of [0, 0.5, 1001, Number.NaN, -1]) expect(() => clock.setSpeed(wrong)).toThrow(RangeError);
    expect(changes).toBe(1);
  });

  test('never passes what is still to be done: work that takes long slows it down, and nobody is late by it', async () => {
    clock.close();
    let worked = 0;
    clock = new SimulatedClock(10, start, () => performance.now() + worked);
    // A beat a second, which takes 300 ms of work where there are 100.
    const beats: number[] = [];
    clock.every(1000, () => {
      beats.push(since());
      worked += 300;
    });
    for (let turn = 0; turn < 40; turn++) await vi.advanceTimersByTimeAsync(50);
    expect(beats.length).toBeGreaterThan(5);
    for (const [index, at] of beats.entries()) expect(Math.abs(at - 1000 * (index + 1))).toBeLessThan(1000);
    expect(clock.state().reached).toBeLessThan(8);
  });

  test('waits for who holds it, without being paused', async () => {
    const hold = clock.hold();
    await vi.advanceTimersByTimeAsync(1000);
    expect(since()).toBe(0);
    expect(clock.state().paused).toBe(false);
    hold.close();
    hold.close();
    await vi.advanceTimersByTimeAsync(100);
    expect(since()).toBeCloseTo(1000, -1);
  });

  test('calls again only when the call before has ended', async () => {
    let [running, most, calls] = [0, 0, 0];
    clock.every(100, async () => {
      calls++;
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => clock.after(250, resolve));
      running--;
    });
    await vi.advanceTimersByTimeAsync(200);
    expect(most).toBe(1);
    expect(calls).toBeGreaterThan(4);
  });
});
