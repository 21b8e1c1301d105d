import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Foresight } from '../../../agents/foresight.ts';
import { findRuntime } from '../../../agents/learning/onnx.ts';
import { ManualClock } from '../../../agents/manual-clock.ts';
import { ClusterBench, node, placed, shop, start } from '../../../agents/policies/cluster-bench.fixture.ts';
import type { Policy } from '../../../agents/policies/policy.ts';
import { PolicySet } from '../../../agents/policies/policy-set.ts';
import { relocateByLatency } from '../../../agents/policies/relocate-by-latency.ts';
import type { ClusterSituation } from '../../../agents/policies/situation.ts';
import { linearModel } from './onnx-bytes.ts';

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0).reverse()) close();
});
const isInstalled = (): boolean => {
  try {
    return findRuntime() !== '';
  } catch {
    return false;
  }
};

/** A component over its target on a slow node beside a fast one, the policy, and the agent's asking. */
function bench(predictor: object) {
  const made = new ClusterBench([node('slow'), node('fast', { frequencyGHz: 4 })], [placed('front', 'slow')], shop());
  const policy: Policy<ClusterSituation> = relocateByLatency.create({ predictor });
  opened.push(() => policy.close?.());
  const clock = new ManualClock(start);
  const failures: string[] = [];
  const logged: string[] = [];
  const foresight = new Foresight<ClusterSituation>({
    agent: 'cluster-c',
    cluster: 'c',
    policies: () => [policy],
    view: () => made.view,
    window: made.window,
    clock,
    log: (level, text) => logged.push(`${level}: ${text}`),
    failed: (_policy, error) => failures.push(error),
  });
  opened.push(() => foresight.close());
  const seconds = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      made.seconds(
        1,
        { slow: { 'answer_ms@front': 80, 'people_in_view@front': 3, cpu_used_ratio: 0.3 }, fast: { cpu_used_ratio: 0.1 } },
        policy,
      );
      await clock.advance(1000);
      await foresight.settled();
    }
  };
  const said = (on: string) => made.window.latest({ metric: 'predicted_answer_ms', node: on })[0];
  const decided = () => {
    const { record } = made.decided(policy)!;
    const of = (id: string) => record.candidates.find((one) => one.id === id)?.predicted[0];
    return { record, here: of('stay'), fast: of('to:fast'), by: record.premises.find(({ id }) => id === 'mode')!.source };
  };
  return { made, policy, failures, logged, seconds, said, decided };
}

/** A model server as the framework's are; `answer` is asked with the features. */
async function serving(answer: (data: Record<string, number>) => [status: number, body: object]): Promise<string> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { data } = JSON.parse(Buffer.concat(parts).toString()) as { data: Record<string, number> };
      const [status, body] = request.url === '/prediction' ? answer(data) : [404, {}];
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a served model predicts for relocate-by-latency; where it fails, what was learnt steps in, and it is said once', async () => {
  const asked: Record<string, number>[] = [];
  let isWell = true;
  const url = await serving((data) => {
    asked.push(data);
    return isWell ? [200, { inference: [[(10 + 90 * data.people_in_view!) / data.ghz!]] }] : [500, {}];
  });
  const { made, policy, failures, logged, seconds, said, decided } = bench({ url, timeoutMs: 20_000 });
  await seconds(3);
  expect(said('fast')?.value).toBe(70);
  expect(asked.slice(0, 2)).toEqual([
    { people_in_view: 3, load: expect.closeTo(0.3), ghz: 2 },
    { people_in_view: 3, load: expect.closeTo(0.1), ghz: 4 },
  ]);
  const first = decided();
  expect(first.here?.value).toBe(140);
  expect(first.fast).toMatchObject({ value: 70, deviation: 21 });
  expect(first.by).toBe(`learnt models (set-mode 1); predicted by model ${url}`);
  expect(first.record.choice).toBe('to:fast');
  expect(first.record.premises.find(({ id }) => id === 'model:fast')).toMatchObject({ value: 70, source: `model ${url}` });

  // It was compared with what came: how far off it is is its doubt from then on.
  await seconds(30);
  expect(decided().fast?.deviation).toBeCloseTo(60, 0);
  const again = relocateByLatency.create({ predictor: { url, timeoutMs: 20_000 } });
  again.restore?.(JSON.parse(JSON.stringify(policy.state?.())));
  expect(JSON.stringify(again.state?.())).toBe(JSON.stringify(policy.state?.()));

  expect(policy.models!().find(({ kind }) => kind === 'HTTP')).toMatchObject({
    name: 'answer_ms of shop/front',
    places: [{ node: 'slow', by: `model ${url}`, samples: expect.any(Number), meanError: expect.closeTo(60, 0) }],
  });

  isWell = false;
  await seconds(8);
  expect(failures[0]).toContain('it answered 500');
  expect(logged.filter((line) => line.startsWith('warn'))[0]).toBe(
    'warn: policy relocate-by-latency asked in vain and decides by what it has learnt',
  );
  expect(decided().by).toContain(`, as model ${url} said nothing of late`);
  expect(decided().here?.value).toBeCloseTo(80, 0);
  // Mode 0 is for rules of thumb.
  made.view.mode = 0;
  expect(decided().by).toBe('heuristics (set-mode 0); predicted by rule of thumb');
});

describe('settings of a predictor', () => {
  const shipped = () => new PolicySet([relocateByLatency], undefined);

  test('are one of a server or a file, and nothing else', () => {
    for (const predictor of [
      {},
      { url: 'ftp://a' },
      { model: 'latency.onnx' },
      { model: '/etc/passwd' },
      { url: 'http://a', model: '/a.onnx' },
    ])
      expect(() => relocateByLatency.create({ predictor }), JSON.stringify(predictor)).toThrow();
  });

  test('are tried before they are taken', async () => {
    const url = await serving(() => [200, { error: 'no such model' }]);
    await expect(shipped().check('relocate-by-latency', { predictor: { url, timeoutMs: 20_000 } })).rejects.toThrow(
      'no such model',
    );
    const nowhere = shipped().check('relocate-by-latency', { predictor: { model: '/nowhere/latency.onnx' } });
    await expect(nowhere).rejects.toThrow(/^model latency.onnx cannot be opened: .*(no such file|onnxruntime-node)/);
    await shipped().check('relocate-by-latency', {});
  });
});

// It is an optional dependency: systems that it has no build for go without.
describe.skipIf(!isInstalled())('a model in ONNX', () => {
  test('predicts for relocate-by-latency, and ends with it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'predictor-'));
    opened.push(() => rmSync(folder, { recursive: true, force: true }));
    const model = join(folder, 'latency.onnx');
    // People, load, GHz.
    writeFileSync(model, linearModel([30, 20, -15], 20));
    await new PolicySet([relocateByLatency], undefined).check('relocate-by-latency', { predictor: { model, timeoutMs: 20_000 } });
    writeFileSync(model, linearModel([30, 20], 20));
    await expect(
      new PolicySet([relocateByLatency], undefined).check('relocate-by-latency', { predictor: { model, timeoutMs: 20_000 } }),
    ).rejects.toThrow('takes 2 features, 3 were given');
    writeFileSync(model, linearModel([30, 20, -15], 20));
    const { failures, seconds, said, decided } = bench({ model, timeoutMs: 20_000 });
    await seconds(3);
    expect(said('fast')?.value).toBeCloseTo(52, 4);
    const { here, fast, by, record } = decided();
    expect([here?.value, fast?.value]).toEqual([expect.closeTo(86, 4), expect.closeTo(52, 4)]);
    expect(by).toContain('predicted by model latency.onnx');
    expect(record.choice).toBe('to:fast');
    expect(failures).toEqual([]);
  });
});
