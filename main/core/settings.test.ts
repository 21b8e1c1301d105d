import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EventOf } from '../contract/contract.ts';
import { settingsContract } from '../contract/settings.ts';
import { readSettings, SettingsKeeper } from './settings.ts';

let folder: string;
const logged: string[] = [];
const file = () => join(folder, 'settings.json');
const keeper = () => new SettingsKeeper(folder, (text) => logged.push(text));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mls-settings-'));
  logged.length = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('without a file the defaults hold; what is changed is kept for the next start, and told to who watches', async () => {
  const settings = keeper();
  expect(settings.current).toMatchObject({ theme: 'system', clock: 'local', readingsGiB: 2, updates: 'latest' });
  const abort = new AbortController();
  const told: EventOf<'settings.watch'>[] = [];
  const watching = settings.watch(async (event) => void told.push(event), abort.signal);
  await settings.change({ theme: 'dark' });
  await Promise.all([settings.change({ clock: 'utc' }), settings.change({ readingsGiB: 5 })]);
  await expect.poll(() => told.at(-1)?.settings).toMatchObject({ theme: 'dark', clock: 'utc', readingsGiB: 5 });
  expect(told.at(-1)).toMatchObject({ file: file(), trouble: null });
  abort.abort();
  await watching;
  expect(keeper().current).toEqual(settings.current);
  expect((await stat(file())).mode & 0o777).toBe(0o600);
});

test.each([
  ['no JSON', '{"theme": "da', /JSON/],
  ['another value than there is', '{"theme": "blue"}', /^theme: /],
  ['a number that is out of bounds', '{"readingsGiB": 0}', /^readingsGiB: /],
  ['no object', '[]', /^the file: /],
])('a file with %s is told and put aside, and the defaults hold', async (_, text, why) => {
  await writeFile(file(), text);
  expect(() => readSettings(file())).toThrow(why);
  const settings = keeper();
  expect(settings.current.theme).toBe('system');
  expect(logged).toEqual([expect.stringContaining('settings.json.unreadable')]);
  expect(await readFile(`${file()}.unreadable`, 'utf8')).toBe(text);
  const told: EventOf<'settings.watch'>[] = [];
  const abort = new AbortController();
  const watching = settings.watch(async (event) => void told.push(event), abort.signal);
  await expect.poll(() => told.at(0)?.trouble).toMatch(/could not be read/);
  await settings.change({ motion: 'reduced' });
  await expect.poll(() => told.at(-1)?.trouble).toBeNull();
  abort.abort();
  await watching;
  expect(keeper().current.motion).toBe('reduced');
});

test('a file of an older version, without what came later, fits', async () => {
  await writeFile(file(), '{"theme": "light", "gone": 1}');
  expect(readSettings(file())).toMatchObject({ theme: 'light', terminalFontSize: 12 });
});

test('a change names what it changes alone, and what does not fit is refused', () => {
  const { input } = settingsContract['settings.change'];
  expect(input.parse({ change: { theme: 'dark' } })).toEqual({ change: { theme: 'dark' } });
  expect(input.safeParse({ change: { terminalFontSize: 90 } }).success).toBe(false);
});
