import { expect, it } from 'vitest';
import { Gate } from './gate.ts';

it('holds back what comes while it is closed, and lets all of it pass once it is open, or given up', async () => {
  const gate = new Gate();
  const told: boolean[] = [];
  gate.onChange = (closed) => void told.push(closed);
  const abort = new AbortController();
  const passed: string[] = [];
  const pass = (name: string, signal = new AbortController().signal) => gate.pass(signal).then(() => void passed.push(name));
  await pass('open');
  gate.close();
  gate.close();
  const waiting = [pass('a'), pass('b'), pass('given up', abort.signal)];
  abort.abort();
  await waiting[2];
  expect(passed).toEqual(['open', 'given up']);
  await pass('given up before', abort.signal);
  gate.open();
  gate.open();
  await Promise.all(waiting);
  expect(passed.slice(3).sort()).toEqual(['a', 'b']);
  expect(told).toEqual([true, false]);
  expect([gate.closed, gate.pausedMs > 0]).toEqual([false, true]);
});
