import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { modelOf } from './model.ts';
import { presentOf } from './present.fixture.ts';
import { type PolicyChange, policyChangeSchema, presentSchema } from './present.ts';
import { dryRunResultSchema } from './result.ts';
import { dryRun } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'dry-run-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = async (
  change: PolicyChange,
  { minutes = 1.5, ...of }: { minutes?: number; past?: number; perPersonMs?: number } = {},
) => {
  const present = presentSchema.parse(
    await presentOf({ minutes: of.past ?? 0, ...(of.perPersonMs && { perPersonMs: of.perPersonMs }) }),
  );
  const seen: number[] = [];
  const result = await dryRun({
    present,
    change: policyChangeSchema.parse(change),
    minutes,
    seed: 3,
    folder,
    onProgress: ({ done }) => seen.push(done),
  });
  return { result: dryRunResultSchema.parse(result), seen };
};
const agent = 'cluster-cluster1';
/** A policy that wants the classifier on worker-2, whatever happens. */
const insisting = `import { type ClusterPolicy, move, stay } from 'mlsysops';
export const policy: ClusterPolicy = {
  layer: 'cluster',
  summary: 'Wants the classifier on worker-2',
  metrics: [],
  everyS: 5,
  analyze({ view }) {
    const placed = view.components.find(({ component }) => component === 'classifier');
    if (!placed || placed.pin === 'worker-2') return [];
    print('it is on', placed.pin);
    return [{ kind: 'elsewhere', text: 'it is not on worker-2', application: 'smart-camera', component: 'classifier' }];
  },
  plan: () => ({
    candidates: [
      { action: stay('classifier', 'worker-1'), terms: { Wish: 0 } },
      { action: move('classifier', 'worker-1', 'worker-2'), terms: { Wish: 1 } },
    ],
    margin: 0.5,
    coolDownS: 60,
  }),
};
`;

describe('a dry run', { timeout: 120_000 }, () => {
  test('without the policy that relocates, the classifier stays, and is over its target for longer', async () => {
    const { result, seen } = await run({ agent, policy: { name: 'relocate-by-latency', off: true } });
    const [kept, left] = [result.present.targets[0]!, result.candidate.targets[0]!];
    expect(kept).toMatchObject({ component: 'classifier', metric: 'frame_classify_latency_ms', target: 50, unit: 'ms' });
    expect(result.present.moves).toBe(1);
    expect(result.candidate.moves).toBe(0);
    expect(result.present.placement['smart-camera/classifier']).toBe('worker-2');
    expect(result.candidate.placement['smart-camera/classifier']).toBe('worker-1');
    expect(kept.overTarget!).toBeLessThan(left.overTarget!);
    expect(left.mean!).toBeGreaterThan(kept.mean!);
    expect(result.candidate.decided).toBe(0);
    expect(result.present.decisions.filter(({ isAct }) => isAct)[0]?.sentence).toMatch(/worker-2/);
    expect(result.present.energyWh).toBeGreaterThan(0);
    expect(seen.every((done, index) => done >= 0 && done <= 1 && done >= (seen[index - 1] ?? 0))).toBe(true);
  });

  test('is the same for the same seed', async () => {
    const change: PolicyChange = { agent, policy: { name: 'relocate-by-latency', language: 'python', settings: { margin: 2 } } };
    const [first, second] = [await run(change, { minutes: 1 }), await run(change, { minutes: 1 })];
    expect({ ...second.result, wallMs: 0 }).toEqual({ ...first.result, wallMs: 0 });
  });

  test('has the effect of limits and replicas: a classifier that is held back gets more of the processor', async () => {
    const present = presentSchema.parse(await presentOf());
    const { description } = present.applications[0]!;
    description.permitted_actions = ['change_container_resource_requirements'];
    const { containers } = description.components.find(({ metadata }) => metadata.name === 'classifier')!;
    containers![0]!.platform_requirements!.cpu = { requests: '250m', limits: '300m' };
    present.agents[0]!.policies = { 'static-placement': {}, 'change-specification': {} };
    const change = policyChangeSchema.parse({ agent, policy: { name: 'change-specification', off: true } });
    const result = await dryRun({ present, change, minutes: 1.5, seed: 3, folder, onProgress: () => {} });
    expect(result.present.failures).toEqual([]);
    expect(result.present.changes).toBeGreaterThan(0);
    expect(result.candidate.changes).toBe(0);
    expect(result.present.targets[0]!.overTarget!).toBeLessThan(0.9 * result.candidate.targets[0]!.overTarget!);
  });

  test('takes a file, and simulated time waits for its answers', async () => {
    const file: PolicyChange = { agent, policy: { name: 'insisting', language: 'typescript', content: insisting } };
    const { result } = await run(file, { minutes: 0.5 });
    expect(result.candidate.failures).toEqual([]);
    const [first] = result.candidate.decisions.filter(({ isAct, policy }) => isAct && policy === 'insisting');
    // Asked at the first tick, it decides then: real time that its process took to answer is none of the simulated.
    expect(first).toMatchObject({ component: 'classifier', status: 'completed' });
    expect(first!.atS).toBeLessThan(2);
    expect(result.candidate.policies).toContainEqual({ agent, names: ['static-placement', 'relocate-by-latency', 'insisting'] });
    expect(result.candidate.printed[0]).toMatch(/it is on worker-1/);
    expect(result.present.decisions.every(({ policy }) => policy !== 'insisting')).toBe(true);
  });

  test('of a file that cannot be used says so with its line', async () => {
    const file: PolicyChange = {
      agent,
      policy: { name: 'broken', language: 'typescript', content: "import 'mlsysops';\nconst = 1;\n" },
    };
    await expect(run(file, { minutes: 1 })).rejects.toThrow(/broken cannot be used: .*line 2/);
    const settings: PolicyChange = {
      agent,
      policy: { name: 'relocate-by-latency', language: 'python', settings: { margin: 'wide' } },
    };
    await expect(run(settings, { minutes: 1 })).rejects.toThrow(/margin/);
  });
});

describe('what is simulated', { timeout: 60_000 }, () => {
  const parameter = async (name: string, present: Parameters<typeof presentOf>[0], of?: string) => {
    const model = modelOf(presentSchema.parse(await presentOf(present)));
    return model.parameters.find((one) => one.name === name && (of === undefined || one.of.includes(of)));
  };

  test('is as the readings of the testbed have it: a slower classifier is found out', async () => {
    const published = await parameter('Time of each person at 1.8 GHz', {});
    expect(published).toMatchObject({ value: 22, origin: 'assumed' });
    const measured = await parameter('Time of each person at 1.8 GHz', { minutes: 6, perPersonMs: 40 });
    expect(measured).toMatchObject({ origin: 'measured', unit: 'ms' });
    expect(measured!.value / 40).toBeGreaterThan(0.85);
    expect(measured!.value / 40).toBeLessThan(1.25);
    expect(measured!.source).toMatch(/^line through \d+ readings/);
  });

  test('says where each parameter is from', async () => {
    const about = { minutes: 4 };
    expect(await parameter('Cores', about, 'worker-1')).toMatchObject({ value: 4, origin: 'described' });
    expect(await parameter('Frequency', about, 'worker-2')).toMatchObject({ value: 3.6, origin: 'described' });
    const background = await parameter('Load of its own services', about, 'worker-2');
    expect(background).toMatchObject({ origin: 'measured' });
    expect(background!.value).toBeCloseTo(0.06, 1);
    expect(await parameter('Latency of its link', about, 'worker-1')).toMatchObject({ origin: 'assumed' });
    expect(await parameter('People in view, mean', about)).toMatchObject({ origin: 'measured' });
  });
});
