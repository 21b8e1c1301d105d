import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { ContractError } from '../contract/contract.ts';
import { Runs } from './runs.ts';
import { Testbeds } from './testbeds.ts';

/** What earlier versions, or people with an editor, have left in the data folder. */
const folder = await mkdtemp(join(tmpdir(), 'mlsysops-old-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const testbedFile = `name: lab
kind: hosts
hosts:
  - { name: m, address: 127.0.0.1, role: management, cluster: management }
clusters:
  management: { podCidr: 10.10.0.0/16, serviceCidr: 10.11.0.0/16 }
`;
const state = { state: 'down', createdAt: 1, lastRun: null, doubles: [] };

async function put(name: string, files: Record<string, string>): Promise<void> {
  await mkdir(join(folder, name, 'runs'), { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, name, file), text);
}
const errorOf = (asked: () => unknown): Promise<ContractError | null> =>
  Promise.resolve()
    .then(asked)
    .then(
      () => null,
      (error: ContractError) => error,
    );

test('a testbed that cannot be read is told with its file, is not written over, and keeps no other from its work', async () => {
  await put('lab', { 'testbed.yaml': testbedFile, 'state.json': JSON.stringify(state) });
  await put('broken', { 'testbed.yaml': 'hosts: [', 'state.json': '{' });
  await put('odd', { 'testbed.yaml': testbedFile, 'state.json': JSON.stringify({ ...state, state: 'flying' }) });
  const logged: string[] = [];
  const testbeds = await Testbeds.open(folder, (text) => logged.push(text));

  expect(testbeds.all().map(({ testbed }) => testbed.name)).toEqual(['lab']);
  expect(logged).toHaveLength(2);
  expect(await errorOf(() => testbeds.get('broken'))).toMatchObject({
    code: 'unreadable-testbed',
    message: expect.stringContaining('testbed.yaml:1'),
    remedy: expect.stringContaining(join(folder, 'broken')),
  });
  expect(await errorOf(() => testbeds.get('odd'))).toMatchObject({ message: expect.stringMatching(/state/) });
  const entry = testbeds.get('lab').testbed;
  expect(await errorOf(() => testbeds.add('broken', [], async () => entry))).toMatchObject({ code: 'testbed-exists' });
  expect(await readFile(join(folder, 'broken', 'testbed.yaml'), 'utf8')).toBe('hosts: [');
});

test('a journal of another version is named, not taken for an empty one; a last line that a crash has cut is left out', async () => {
  const summary = { testbed: 'lab', verb: 'up', state: 'running', startedAt: 1, finishedAt: null, summary: null };
  const warning = { type: 'warning', time: 1, phase: 'facts', text: 'the clock is late' };
  await put('lab', {
    'runs/cut.json': JSON.stringify({ ...summary, run: 'cut' }),
    'runs/cut.jsonl': `${JSON.stringify(warning)}\n{"type":"fini`,
    'runs/alien.json': JSON.stringify({ ...summary, run: 'alien' }),
    'runs/alien.jsonl': `{"type":"dance"}\n${JSON.stringify(warning)}\n`,
  });
  const testbeds = await Testbeds.open(folder, () => {});
  const runs = await Runs.open(testbeds, () => {});
  const told: unknown[] = [];
  const watch = (run: string) => runs.watch(run, async (events) => void told.push(...events), new AbortController().signal);

  await watch('cut');
  expect(told).toEqual([warning]);
  expect(await errorOf(() => watch('alien'))).toMatchObject({
    code: 'unreadable-journal',
    remedy: expect.stringContaining('alien.jsonl'),
  });
  // What was in flight when the app ended is said to be so.
  expect((await runs.list(testbeds.get('lab'))).map(({ run, state: ended }) => [run, ended]).sort()).toEqual([
    ['alien', 'interrupted'],
    ['cut', 'interrupted'],
  ]);
});
