import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withLock } from './lock.ts';

it('lets one at a time through, also after one that failed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lock-'));
  const path = join(folder, 'lock');
  let inside = 0;
  const turns: number[] = [];
  const turn = (number: number) =>
    withLock(path, async () => {
      inside += 1;
      expect(inside).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      turns.push(number);
      inside -= 1;
      if (number === 1) throw new Error('this one fails');
    });
  const results = await Promise.allSettled([0, 1, 2, 3].map(turn));
  expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(turns.toSorted()).toEqual([0, 1, 2, 3]);
  await expect(withLock(join(folder, 'no', 'such', 'folder'), async () => 1)).rejects.toThrow(/could not be taken/);
  rmSync(folder, { recursive: true });
});
