import { expect, test } from 'vitest';
import { ManualClock } from '../manual-clock.ts';
import { mostAheadMs, notAhead } from './dated.ts';

test('what is dated in the far future is dropped, and told of once until the clock is right again', () => {
  const clock = new ManualClock();
  const said: string[] = [];
  const heard: number[] = [];
  const take = notAhead(
    clock,
    ({ time }: { node: string; time: number }) => heard.push(time - clock.now()),
    (_level, text) => said.push(text),
  );
  const from = (node: string, aheadMs: number) => take({ node, time: clock.now() + aheadMs });
  from('a', -5000);
  from('a', mostAheadMs);
  for (const _ of [1, 2]) from('a', 3_600_000);
  from('b', 61_000);
  from('a', 0);
  from('a', 3_600_000);
  expect(heard).toEqual([-5000, mostAheadMs, 0]);
  expect(said).toEqual([
    'what a tells is dated 3600 s ahead and is dropped: set its clock',
    'what b tells is dated 61 s ahead and is dropped: set its clock',
    'what a tells is dated 3600 s ahead and is dropped: set its clock',
  ]);
});
