import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rawText } from '../../agents/build/raw-text.mjs';
import { replySchema } from '../../agents/bus/messages.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import { TwinProcess } from './client.ts';

const folder = mkdtempSync(join(tmpdir(), 'twin-process-'));
const program = join(folder, 'process.mjs');
const description = readFileSync(new URL('../../assets/applications/smart-camera.yaml', import.meta.url), 'utf8');
const open: TwinProcess[] = [];

beforeAll(async () => {
  await build({
    entryPoints: [fileURLToPath(new URL('process.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    plugins: [rawText],
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
}, 30_000);
afterAll(async () => {
  await Promise.all(open.map((twin) => twin.stop()));
  rmSync(folder, { recursive: true, force: true });
});

function create(applications: string[]): TwinProcess {
  const twin = new TwinProcess({ program, name: 'demo', speed: 4, stateFolder: folder, applications });
  open.push(twin);
  return twin;
}

test('runs a twin apart, tells its bus, answers requests, and ends when told', { timeout: 60_000 }, async () => {
  const twin = create([]);
  const heard = new Set<string>();
  const ends: unknown[] = [];
  twin.onBus((subject) => heard.add(subject.split('.').slice(0, 2).join('.')));
  twin.onExit((error) => ends.push(error));
  const ready = await twin.start();
  expect(Object.keys(ready.kubeconfigs).sort()).toEqual(['cluster1', 'karmada', 'management']);
  expect(ready.nodes.map(({ name }) => name)).toEqual(['management', 'master-1', 'worker-1', 'worker-2']);

  const deployed = replySchema.parse(await twin.request(subjects.request('continuum', 'deploy'), { description }));
  expect(deployed).toMatchObject({ ok: true, value: { application: 'smart-camera' } });
  await expect
    .poll(() => [...heard].sort(), { timeout: 20_000 })
    .toEqual(expect.arrayContaining(['mls.application', 'mls.decision', 'mls.heartbeat', 'mls.telemetry']));
  await twin.control({ kind: 'people', people: 2 });
  await expect(twin.control({ kind: 'node', node: 'worker-9', state: 'down' })).rejects.toThrow('no node "worker-9"');
  await expect(twin.request('mls.request.nobody.deploy', {})).rejects.toThrow('nobody answers');

  await twin.stop();
  expect(ends).toEqual([null]);
  expect(twin.isRunning).toBe(false);
  await expect(twin.request('mls.request.continuum.list', {})).rejects.toThrow('does not run');
});

test('says why it could not start', { timeout: 60_000 }, async () => {
  await expect(create(['MLSysOpsApp: {name: x}']).start()).rejects.toThrow(/application 1:1: .*components/);
});
