import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DecisionRecord } from '../../../agents/decision/record.ts';
import type { Store } from '../../store/store.ts';
import { Lives } from '../lives.ts';
import { SettingsKeeper } from '../settings.ts';
import { type TestbedEntry, Testbeds } from '../testbeds.ts';
import { topologyAt } from '../topology.ts';
import { Twins } from '../twins.ts';
import { asDifferences, fromDifferences } from './format.ts';
import { commandable, Recordings } from './recordings.ts';
import { saveRecording } from './write.ts';

const start = 1_800_000_000_000;
const log = (text: string) => {
  throw new Error(text);
};

let folder: string;
let testbeds: Testbeds;
let lives: Lives;
let recordings: Recordings;
let entry: TestbedEntry;
let store: Store;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mls-recording-'));
  testbeds = await Testbeds.open(join(folder, 'testbeds'), log);
  const twins = new Twins({ program: '/nowhere', assetsFolder: '/nowhere', log });
  const settings = new SettingsKeeper(folder, log);
  lives = new Lives({ testbeds, twins, settings, ssh: { acquire: () => log('no host is reached') } as never, log });
  recordings = new Recordings(join(folder, 'incoming'), { testbeds, lives });
  entry = await testbeds.add('lab', [], async () => ({
    name: 'lab',
    kind: 'twin',
    hosts: [
      { name: 'hub', address: '10.0.0.1', role: 'management', cluster: 'management', labels: {}, user: 'alice' },
      { name: 'm-1', address: '10.0.0.2', role: 'master', cluster: 'cluster1', labels: {}, user: 'alice' },
    ],
    clusters: {
      management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' },
      cluster1: { podCidr: '10.12.0.0/16', serviceCidr: '10.13.0.0/16' },
    },
    certificateAuthorities: [],
    kubernetes: { version: '1.36.2', kubeadmOverrides: {}, kubeletOverrides: {}, ignorePreflightErrors: [] },
    artefacts: {},
    preflight: { ignore: [], python: false },
    applications: [],
  }));
  store = await lives.store(entry);
  for (let second = 0; second < 4100; second++)
    store.telemetry.append({
      key: { metric: 'power_w', node: 'm-1', component: '', application: '' },
      source: 'simulated',
      time: start + second * 1000,
      value: 40 + Math.sin(second),
    });
  for (let index = 0; index < 700; index++) store.decisions.save(decision(`d-${index}`, index));
  store.pictures.save({ time: start, picture: stood(true) });
  store.pictures.save({ time: start + 2_000_000, picture: stood(false) });
  store.pictures.save({ time: start + 3_000_000, picture: null });
  await store.flush();
});
afterAll(async () => {
  await lives.close();
  await rm(folder, { recursive: true, force: true });
});

const decision = (id: string, second: number): DecisionRecord => ({
  id,
  revision: 0,
  time: start + second * 1000,
  agent: { id: 'cluster-cluster1', layer: 'cluster', cluster: 'cluster1' },
  policy: { name: 'test', version: '1' },
  trigger: { kind: 'test', text: 'a test' },
  premises: [],
  candidates: [{ id: 'stay', label: 'Stay', action: { kind: 'stay' }, predicted: [], terms: [], score: 0 }],
  choice: 'stay',
  stay: 'stay',
  margin: null,
  neededMargin: 0.1,
  exploration: false,
  horizonS: 30,
  expected: [],
  title: id,
  sentence: 'Stayed.',
});
const stood = (ready: boolean) => ({
  testbed: 'lab',
  kind: 'twin' as const,
  doubles: [],
  continuum: { name: 'continuum', karmada: null },
  clusters: [],
  nodes: [
    {
      name: 'm-1',
      cluster: 'cluster1',
      role: 'master' as const,
      address: '10.0.0.2',
      ready,
      cores: 4,
      frequencyGHz: null,
      memoryBytes: null,
    },
  ],
  agents: [],
  applications: [],
});

async function save(from: number, to: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const emit = async (event: { type: string; data?: string }) => {
    if (event.data !== undefined) pieces.push(Buffer.from(event.data, 'base64'));
  };
  await saveRecording({ entry, store, from, to, app: '0.1.0' }, emit, new AbortController().signal);
  return Buffer.concat(pieces);
}

async function openFile(file: Buffer): Promise<TestbedEntry> {
  const upload = await recordings.begin();
  for (let at = 0; at < file.length; at += 10_000)
    await recordings.piece(upload, file.subarray(at, at + 10_000).toString('base64'));
  return recordings.open(upload);
}

describe('a recording', () => {
  test('shows every moment of its window as the testbed itself does, and cannot be commanded', async () => {
    const [from, to] = [start + 1_500_000, start + 4_000_000];
    const file = await save(from, to);
    const opened = await openFile(file);
    expect(opened.testbed.name).toBe('lab-recording');
    expect(opened.remembered.recording).toMatchObject({ of: 'lab', from, to });
    // Of who logs in, nothing is in the file.
    expect(gunzipSync(file).toString()).not.toContain('alice');

    const copy = await lives.store(opened);
    for (const time of [from, from + 400_000, start + 2_000_000, start + 2_999_999, start + 3_500_000, to]) {
      const original = await topologyAt(store, time);
      const replayed = await topologyAt(copy, time);
      expect(replayed).toEqual({
        ...original,
        topology: original.topology && { ...original.topology, testbed: 'lab-recording' },
      });
    }
    const wanted = { metrics: ['power_w'], from, to, stepMs: 1000 };
    expect(await copy.telemetry.query(wanted)).toEqual(await store.telemetry.query(wanted));
    expect(await copy.decisions.list({ limit: 1000 })).toEqual([]);
    expect(() => commandable(opened)).toThrow(/is a recording/);
    expect(commandable(entry)).toBe(entry);

    // Of a recording another one can be cut, and a window with more decisions than one question brings has them all.
    const early = await openFile(await save(start, start + 699_500));
    expect(early.testbed.name).toBe('lab-recording-2');
    expect(await (await lives.store(early)).decisions.list({ limit: 1000 })).toEqual(await store.decisions.list({ limit: 1000 }));
  });

  test('that is cut off, altered, newer or something else is refused in words, and leaves nothing behind', async () => {
    const before = testbeds.all();
    const file = await save(start, start + 60_000);
    const lines = gunzipSync(file).toString().trimEnd().split('\n');
    const with1 = (index: number, change: (value: Record<string, unknown>) => unknown) =>
      gzipSync(
        lines
          .map((line, at) => (at === index ? JSON.stringify(change(JSON.parse(line) as Record<string, unknown>)) : line))
          .join('\n'),
      );
    const samples = lines.findIndex((line) => line.includes('"samples"'));
    await expect(openFile(file.subarray(0, file.length / 2))).rejects.toThrow(/no recording.*(unpacked|cut off)/);
    await expect(openFile(gzipSync(lines.slice(0, -1).join('\n')))).rejects.toThrow(/its end is missing/);
    await expect(openFile(with1(0, (header) => ({ ...header, version: 99 })))).rejects.toThrow(/version 99.*up to 1/);
    await expect(openFile(with1(samples, (line) => ({ ...line, values: ['x'] })))).rejects.toThrow(
      new RegExp(`line ${samples + 1}: values`),
    );
    await expect(openFile(with1(lines.length - 1, (end) => ({ ...end, decisions: 9999 })))).rejects.toThrow(
      /should have 9999 decisions/,
    );
    await expect(openFile(Buffer.from('hello'))).rejects.toThrow(/cannot be unpacked/);
    await expect(openFile(gzipSync('{"format":"tar"}'))).rejects.toThrow(/does not begin as one/);
    expect(testbeds.all()).toEqual(before);
    await expect(save(start - 10_000, start - 5000)).rejects.toThrow(/Nothing of "lab" is kept/);
  });

  test('keeps times as differences, which come back as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 50 }), { minLength: 1 }), (times) => {
        expect(fromDifferences(asDifferences(times))).toEqual(times);
      }),
    );
  });
});
