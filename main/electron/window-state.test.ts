import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadWindowState, saveWindowState } from './window-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'mls-window-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const laptop = { x: 0, y: 0, width: 1440, height: 900 };
const desk = { x: 1440, y: 0, width: 2560, height: 1440 };
const designed = { width: 1440, height: 900, maximized: false };

test('the window stands where it stood, unless that screen is gone or the file is no good', () => {
  expect(loadWindowState(folder, [laptop])).toEqual(designed);
  const there = { x: 2000, y: 100, width: 1600, height: 1000, maximized: true };
  saveWindowState(folder, there);
  expect(loadWindowState(folder, [laptop, desk])).toEqual(there);
  expect(loadWindowState(folder, [laptop])).toEqual({ width: 1600, height: 1000, maximized: true });
  writeFileSync(join(folder, 'window.json'), '{"width": 3');
  expect(loadWindowState(folder, [laptop])).toEqual(designed);
  writeFileSync(join(folder, 'window.json'), '{"width": -3, "height": 10000}');
  expect(loadWindowState(folder, [laptop])).toEqual(designed);
});
