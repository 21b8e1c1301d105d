import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { exampleTestbed } from '../support/context-double.ts';
import { appliedNote, sameMinorStep } from './version.ts';

const folder = mkdtempSync(join(tmpdir(), 'same-minor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const [host] = exampleTestbed().hosts;

/** Runs the step's own script on a note that lies here. */
const observed = (wanted: string, has: string | null): boolean => {
  const note = join(folder, 'note');
  rmSync(note, { force: true });
  if (has !== null) writeFileSync(note, `${has}\n`);
  try {
    execFileSync('/bin/sh', ['-c', sameMinorStep(host!, wanted).observe.replaceAll(appliedNote, note)]);
    return true;
  } catch {
    return false;
  }
};

it('lets programs of the same minor version take the place of those that run, and no others', () => {
  expect([observed('1.36.2', null), observed('1.36.2', '1.36.2'), observed('1.36.5', '1.36.2')]).toEqual([true, true, true]);
  expect([observed('1.37.0', '1.36.2'), observed('1.36.2', '1.37.0'), observed('1.3.0', '1.36.2')]).toEqual([
    false,
    false,
    false,
  ]);
});
