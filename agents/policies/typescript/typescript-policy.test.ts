import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { isAct } from '../../decision/record.ts';
import { applicationSchema } from '../../descriptions/application.ts';
import { SlidingWindow } from '../../telemetry/window.ts';
import { decide } from '../decide.ts';
import { PolicyFiles } from '../policy-files.ts';
import type { ClusterSituation, NodeSituation } from '../situation.ts';
import { clusterFiles } from './layers.ts';
import { TypeScriptPolicy } from './typescript-policy.ts';

const folder = mkdtempSync(join(tmpdir(), 'ts-policies-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const start = 1_700_000_000_000;
const node = (name: string): NodeSituation => ({
  name,
  ready: true,
  unschedulable: false,
  labels: {},
  taints: [],
  cores: 4,
  memoryBytes: 4e9,
  heartbeat: { lastAt: start, alive: true },
  frequencyGHz: null,
});

function situation(permitted: 'component_relocation'[] = ['component_relocation']) {
  const description = applicationSchema.parse({
    name: 'shop',
    permitted_actions: permitted,
    components: [{ metadata: { name: 'front' } }],
  });
  const view: ClusterSituation = {
    cluster: 'c',
    mechanisms: { image: { state: null, options: [{ application: 'shop', component: 'front', permitted: false }] } },
    mode: 1,
    nodes: [node('w1'), node('w2'), node('w3')],
    applications: [{ uid: 'u', description }],
    components: [{ application: 'shop', component: 'front', componentUid: 'x', pin: 'w1', pods: [] }],
  };
  const window = new SlidingWindow(600_000);
  for (let second = 30; second >= 0; second--)
    for (const [on, value] of [
      ['w1', 0.9],
      ['w2', 0.3],
      ['w3', 0.5],
    ] as const)
      window.add({
        agent: on,
        cluster: 'c',
        node: on,
        time: start - second * 1000,
        samples: [{ metric: 'cpu_used_ratio', value }],
      });
  return { now: start, agent: 'cluster-c', view, window };
}

const header = `import { stay, move } from 'mlsysops';\n`;
const policyOf = (analyze: string, plan = 'undefined', more = '') =>
  `${header}export const policy = { layer: 'cluster', metrics: ['cpu_used_ratio'], ${more} analyze: (shown) => { ${analyze} }, plan: (shown, trigger) => (${plan}) };`;

async function loaded(source: string, limits = {}, lines: string[] = []) {
  const file = join(folder, 'policy-mine.ts');
  writeFileSync(file, source);
  const log = (_level: string, text: string, details?: Record<string, unknown>) =>
    void lines.push(details?.error === undefined ? text : `${text}: ${details.error}`);
  const policy = await TypeScriptPolicy.load(file, { ...clusterFiles, log, limits });
  open.push(policy);
  return policy;
}
const context = { id: 'd', now: start, agent: { id: 'a', layer: 'cluster' as const, cluster: 'c' }, lastChangeAt: undefined };

describe('a policy in TypeScript', () => {
  const example = readFileSync(new URL('../../../assets/policies/policy-spread-load.ts', import.meta.url), 'utf8');

  test('decides with a reason that can be explained: the example of thirty lines', async () => {
    expect(example.trimEnd().split('\n').length).toBeLessThanOrEqual(30);
    const policy = await loaded(example);
    expect(policy).toMatchObject({ name: 'mine', version: expect.stringMatching(/^[0-9a-f]{12}$/), failure: null });
    const input = situation();
    expect(policy.analyze(input)).toEqual([]);
    const [trigger] = await vi.waitFor(() => {
      const triggers = policy.analyze(input);
      expect(triggers).toHaveLength(1);
      return triggers;
    });
    const proposal = policy.plan(input, trigger!)!;
    const record = decide(proposal, trigger!, { ...context, policy });
    expect(record.choice).toBe('to:w2');
    expect(record.margin).toBeCloseTo(0.55);
    expect(record.premises[0]).toMatchObject({ name: 'Load of w1', value: 0.9, source: 'cpu_used_ratio of w1', range: [0, 1] });
    expect(record.sentence).toMatch(/^Moved front from w1 to w2, because /);
    expect(proposal.commands(proposal.options.find(({ id }) => id === 'to:w2')!)).toEqual([
      {
        mechanism: 'fluidity',
        command: {
          name: 'shop',
          deployment_plan: { initial_plan: false, front: [{ action: 'move', src_host: 'w1', target_host: 'w2' }] },
        },
      },
    ]);
  });

  test('is held to what every policy is held to', async () => {
    const policy = await loaded(example);
    const input = situation([]);
    await policy.askNow(input);
    const [trigger] = policy.analyze(input);
    const record = decide(policy.plan(input, trigger!)!, trigger!, { ...context, policy });
    expect(isAct(record)).toBe(false);
    expect(record.candidates.find(({ id }) => id === 'to:w2')?.rejected?.rule).toBe('permitted_actions');

    const image = await loaded(
      policyOf(
        `return [{ kind: 'x', text: 'x', application: 'shop', component: 'front' }]`,
        `{ candidates: [{ action: stay(), terms: { A: 0 } },
           { action: { kind: 'command', mechanism: 'image', command: {} }, terms: { A: 1 } },
           { action: { kind: 'command', mechanism: 'other', command: {} }, terms: { A: 1 } },
           { action: move('front', 'w1', 'nowhere'), terms: { A: 1 } }] }`,
      ),
    );
    await image.askNow(input);
    const [wanted] = image.analyze(input);
    expect(image.plan(input, wanted!)!.options.map(({ rejected }) => rejected?.rule)).toEqual([
      undefined,
      'permitted_actions',
      'unsupported',
      'unknown-host',
    ]);
  });

  test('what it has learnt outlives its process', async () => {
    const source = policyOf(
      `count++; return [{ kind: 'count', text: String(count) }]`,
      'undefined',
      'state: () => count, restore: (state) => { count = state; },',
    ).replace(header, `${header}let count: number = 0;\n`);
    const policy = await loaded(source);
    const input = situation();
    await policy.askNow(input);
    await policy.askNow(input);
    const again = await loaded(source);
    again.restore(policy.state());
    await again.askNow(input);
    expect(again.analyze(input)[0]?.text).toBe('3');
  });

  test.each([
    ['const policy = {', /^line 1: Unexpected token/],
    [`import fs from 'node:fs';\nexport const policy = fs`, /there is no module "node:fs"/],
    ['export const other = 1;', 'it exports no "policy"'],
    [`export const policy = { layer: 'cluster', analyze() {} };`, 'its policy has no function "plan"'],
    [`export const policy = { layer: 'node', analyze() {}, plan() {} };`, /decides for a node; this agent is one of a cluster/],
    [`\n\nthrow new Error('not today');`, 'line 3: not today'],
    [policyOf('return []', 'undefined', `everyS: 'often',`), /does not fit at everyS/],
    ['while (true) {}', 'it took more than 0.4 s'],
  ])('is refused with the reason when it cannot be used: %s', async (source, reason) => {
    await expect(loaded(source, { timeLimitS: 0.4, startLimitS: 0.4 })).rejects.toThrow(reason);
  });

  test.each([
    ['hangs', policyOf('while (true) {}'), 'it took more than 0.5 s'],
    ['throws', policyOf(`\nthrow new TypeError('no')`), 'line 3: no'],
    ['throws something odd', policyOf('throw { toString() { throw 1 } }'), /threw something that is no error/],
    ['eats memory', policyOf('const all = []; for (;;) all.push(new Array(1e5).fill(shown.now + all.length))'), /memory|SIG/],
    [
      'eats memory outside of its heap',
      policyOf('const all = []; for (;;) all.push(new Uint8Array(4e6).fill(1))'),
      /memory|alloc|SIG/,
    ],
    ['answers nonsense', policyOf(`return 'yes'`), /analyze\(\) must give a list/],
    ['answers a promise', policyOf('return Promise.resolve([])'), /must not be async/],
    [
      'scores by nothing',
      policyOf(`return [{ kind: 'x', text: 'x' }]`, `{ candidates: [{ action: stay(), terms: { A: NaN } }] }`),
      /NaN/,
    ],
    [
      'has no way to stay',
      policyOf(`return [{ kind: 'x', text: 'x' }]`, `{ candidates: [{ action: move('a', 'b', 'c'), terms: {} }] }`),
      /0 candidates stay/,
    ],
    [
      'looks for the process',
      policyOf(
        'return [{ kind: "x", text: typeof process + typeof require + typeof fetch }, ...[].constructor.constructor("return 1")()]',
      ),
      /Code generation|EvalError/,
    ],
  ])('harms nothing when it %s, and is left alone for a while', async (_what, source, reason) => {
    const policy = await loaded(source, { timeLimitS: 0.5, memoryLimitMB: 110 });
    const input = situation();
    await expect(policy.askNow(input)).rejects.toThrow(reason);
    expect(policy.failure).toMatchObject({ at: start, count: 1, text: expect.stringMatching(reason) });
    expect(policy.analyze(input)).toEqual([]);
    // Not asked again before 2 s have gone.
    await expect(policy.askNow({ ...input, now: start + 1000 })).rejects.toThrow(reason);
    expect(policy.failure?.count).toBe(2);
  });
});

test('files of both languages are followed, and a broken one never stops the one that runs', async () => {
  const own = join(folder, 'files');
  const versions: string[][] = [];
  const files = new PolicyFiles({
    folder: own,
    load: (file, log) => TypeScriptPolicy.load(file, { ...clusterFiles, log }),
    onChange: (all) => versions.push(all.map(({ version }) => version)),
    log: () => {},
  });
  open.push(files);
  await files.start();
  await files.install('mine', 'typescript', policyOf('return []', 'undefined', `summary: 'one',`));
  expect(files.list()).toMatchObject([{ name: 'mine', kind: 'typescript', summary: 'one', decides: true }]);
  await expect(files.install('mine', 'typescript', 'const x = {')).rejects.toThrow(/line 1/);
  expect((await files.read('mine'))?.content).toContain(`summary: 'one'`);

  // Somebody with an editor.
  writeFileSync(join(own, 'policy-mine.ts'), 'const x = {');
  await vi.waitFor(() => expect(files.list()[0]?.broken?.error).toMatch(/line 1/), { timeout: 10_000 });
  expect(files.list()[0]).toMatchObject({ decides: true, summary: 'one' });
  expect(files.policies.map(({ version }) => version)).toEqual(versions[0]);
  writeFileSync(join(own, 'policy-mine.ts'), policyOf('return []', 'undefined', `summary: 'two',`));
  await vi.waitFor(() => expect(files.list()[0]).toMatchObject({ summary: 'two' }), { timeout: 10_000 });
  expect(files.list()[0]?.broken).toBeUndefined();
  expect(await files.remove('mine')).toBe(true);
  expect(files.list()).toEqual([]);
});
