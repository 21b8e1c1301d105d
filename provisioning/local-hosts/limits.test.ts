import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { raiseLimits, restoreLimits } from './limits.ts';

let folder: string;
let limit: string;
let kept: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'limits-'));
  [limit, kept] = [join(folder, 'max_user_instances'), join(folder, 'kept')];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const is = () => Number(readFileSync(limit, 'utf8'));

it('raises a limit that is too low for many hosts, and puts back what was before the first', () => {
  writeFileSync(limit, '128\n');
  raiseLimits(limit, kept);
  expect(is()).toBe(1024);
  // The second testbed's hosts find it raised.
  raiseLimits(limit, kept);
  restoreLimits(limit, kept);
  expect(is()).toBe(128);
  expect(existsSync(kept)).toBe(false);
});

it('leaves alone what is high enough, and what somebody else has set since', () => {
  writeFileSync(limit, '8192\n');
  raiseLimits(limit, kept);
  restoreLimits(limit, kept);
  expect(is()).toBe(8192);
  writeFileSync(limit, '128\n');
  raiseLimits(limit, kept);
  writeFileSync(limit, '4096\n');
  restoreLimits(limit, kept);
  expect(is()).toBe(4096);
});
