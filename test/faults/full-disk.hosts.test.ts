import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { diagnoseStore } from '../../main/core/diagnose.ts';
import { coldLimits } from '../../main/store/cold.ts';
import { Store } from '../../main/store/store.ts';

/** A disk of its own, so small that it can be filled: a mount in memory, which takes root. */
const disk = mkdtempSync(join(tmpdir(), 'mls-disk-'));
beforeAll(() => void execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0700', 'tmpfs', disk]));
afterAll(() => {
  execFileSync('umount', ['-l', disk]);
  rmSync(disk, { recursive: true, force: true });
});

const start = 1_800_000_000_000;

test('a full disk is told with what helps, and no reading is lost: what came meanwhile is written when there is room again', async () => {
  const logged: string[] = [];
  const store = await Store.open(join(disk, 'store.duckdb'), (text) => logged.push(text), {
    ...coldLimits,
    hotMs: 60_000,
    leastReadings: 1000,
  });
  let second = 0;
  const add = (seconds: number) => {
    for (const until = second + seconds; second < until; second++)
      for (let node = 0; node < 100; node++)
        store.telemetry.append({
          key: { metric: 'power_w', node: `worker-${node}`, component: '', application: '' },
          source: 'measured',
          time: start + second * 1000,
          value: Math.random() * 1000,
        });
  };
  add(200);
  await store.flush();
  const { bavail, bsize } = statfsSync(disk);
  const ballast = join(disk, 'ballast');
  writeFileSync(ballast, Buffer.alloc(bavail * bsize - 64 * 1024));
  add(400);
  await expect(store.flush()).rejects.toThrow(/space/i);
  expect(store.telemetry.held).toBe(40_000);
  // As the timer of the store does each second.
  await expect.poll(() => store.trouble, { timeout: 10_000 }).toMatch(/space/i);
  expect(diagnoseStore(store)).toMatchObject({
    severity: 'error',
    evidence: expect.stringMatching(/40,000 readings wait in memory.*space/is),
    remedy: expect.stringContaining(`Free some space on the disk of ${disk}`),
  });
  await expect(store.cold.move()).rejects.toThrow(/space/i);
  // What is known already can be asked for.
  const known = await store.telemetry.query({ metrics: ['power_w'], from: start, to: start + 600_000, stepMs: 1000 });
  expect(known.reduce((sum, { values }) => sum + values.length, 0)).toBe(20_000);
  expect(store.telemetry.metrics()).toHaveLength(100);

  rmSync(ballast);
  await expect.poll(() => store.trouble, { timeout: 10_000 }).toBeNull();
  const count = async () => {
    const found = await store.telemetry.query({ metrics: ['power_w'], from: start, to: start + 600_000, stepMs: 1000 });
    return found.reduce((sum, { values }) => sum + values.length, 0);
  };
  expect(await count()).toBe(60_000);
  expect(await store.cold.move()).toBe(true);
  expect(await count()).toBe(60_000);
  expect(diagnoseStore(store)).toMatchObject({ severity: 'ok' });
  await store.close();
  expect(logged[0]).toMatch(/does not take readings: .*space/is);
});
