import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { Log } from '../../config.ts';
import { isAct } from '../../decision/record.ts';
import { type ApplicationDescription, applicationSchema } from '../../descriptions/application.ts';
import { SlidingWindow } from '../../telemetry/window.ts';
import { decide } from '../decide.ts';
import { PolicyFolder } from '../policy-folder.ts';
import type { ClusterSituation, NodeSituation } from '../situation.ts';
import { argumentsOf, frameOf } from './arguments.ts';
import { intervalMs, PythonPolicy } from './python-policy.ts';

const folder = mkdtempSync(join(tmpdir(), 'policies-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});
const options = { python: '/usr/bin/python3' };

/** Moves what is over its target to another node, as the framework's example of a policy does. */
const relocate = (version: string) => `
from mlsysops.utilities import evaluate_condition
# ${version}
def initialize():
    return {"telemetry": {"metrics": ["node_load1"]}, "mechanisms": ["fluidity"], "packages": [],
            "configuration": {"analyze_interval": "5s"}, "scope": "application"}

async def analyze(context, application_description, system_description, mechanisms, telemetry, ml_connector):
    latest = await telemetry["query"](latest=True)
    for component in application_description[0]["spec"]["components"]:
        for metric in component.get("qos_metrics", []):
            if not evaluate_condition(latest[metric["application_metric_id"]].values[0], metric["target"], metric["relation"]):
                context["late"] = component["metadata"]["name"]
                return True, context
    return False, context

async def plan(context, application_description, system_description, mechanisms, telemetry, ml_connector):
    name = application_description[0]["name"]
    here = mechanisms["fluidity"]["state"]["applications"][name]["components"][context["late"]]["node_placed"]
    there = [node for node in system_description["MLSysOpsCluster"]["nodes"] if node != here][0]
    move = {"action": "move", "src_host": here, "target_host": there}
    return {"fluidity": {"name": name, "deployment_plan": {"initial_plan": False, context["late"]: [move]}}}, context
`;

const start = 1_700_000_000_000;
const node = (name: string, more: Partial<NodeSituation> = {}): NodeSituation => ({
  name,
  ready: true,
  unschedulable: false,
  labels: {},
  taints: [],
  cores: 4,
  memoryBytes: 4e9,
  heartbeat: { lastAt: start, alive: true },
  frequencyGHz: null,
  ...more,
});
const taints = [{ key: 'node-role.kubernetes.io/control-plane', value: '', effect: 'NoSchedule' }];

function situation(
  description: Partial<ApplicationDescription> = {},
  nodes = [node('master', { taints }), node('w1'), node('w2')],
) {
  const application = applicationSchema.parse({
    name: 'shop',
    permitted_actions: ['component_relocation'],
    components: [
      {
        metadata: { name: 'front' },
        qos_metrics: [{ application_metric_id: 'answer_ms', target: 50, relation: 'lower_or_equal' }],
      },
    ],
    ...description,
  });
  const view: ClusterSituation = {
    cluster: 'c',
    mechanisms: {},
    mode: 0,
    nodes,
    applications: [{ uid: 'u', description: application }],
    components: [{ application: 'shop', component: 'front', componentUid: 'x', pin: 'w1', pods: [] }],
  };
  const window = new SlidingWindow(600_000);
  const tell = (metric: string, value: number, at: number, on = 'w1', own: object = {}) =>
    window.add({ agent: `node-${on}`, cluster: 'c', node: on, time: at, samples: [{ metric, value, ...own }] });
  return { view, window, tell, input: { now: start, agent: 'cluster-c', view, window } };
}

async function loaded(source: string, log: Log = () => {}) {
  const file = join(folder, 'policy-relocate.py');
  writeFileSync(file, source);
  const policy = await PythonPolicy.load(file, { ...options, log });
  open.push(policy);
  return policy;
}

const context = { id: 'd', now: start, agent: { id: 'a', layer: 'cluster' as const, cluster: 'c' }, lastChangeAt: undefined };

describe("a policy file of the framework in the agent's loop", () => {
  it('decides a relocation, which is recorded with what it was shown and without a reason that it never gave', async () => {
    const { input, tell } = situation();
    for (let second = 0; second < 20; second++)
      tell('answer_ms', 40 + 2 * second, start - 20_000 + second * 1000, 'w1', { application: 'shop' });
    tell('load_1m', 0.5, start - 1000, 'w1');
    tell('load_1m', 1.5, start - 1000, 'w2');
    const policy = await loaded(relocate('one'));
    expect(policy).toMatchObject({ name: 'relocate', version: expect.stringMatching(/^[0-9a-f]{12}$/) });
    expect(policy.analyze(input)).toEqual([]);
    const [trigger] = await vi.waitFor(() => {
      const triggers = policy.analyze(input);
      expect(triggers).toHaveLength(1);
      return triggers;
    });
    const proposal = policy.plan(input, trigger!)!;
    const record = decide(proposal, trigger!, { ...context, policy });
    expect(isAct(record)).toBe(true);
    expect(record.sentence).toBe(
      'Moved front to w2 from w1, because policy-relocate.py asked for it; a policy file does not say why.',
    );
    expect(record.premises).toMatchObject([
      { name: 'node_load1', value: 1, source: 'node_load1, as policy-relocate.py was shown it' },
      { name: 'answer_ms', value: 78, unit: 'ms' },
    ]);
    expect(proposal.commands(proposal.options[1]!)).toEqual([
      {
        mechanism: 'fluidity',
        command: {
          name: 'shop',
          deployment_plan: { initial_plan: false, front: [{ action: 'move', src_host: 'w1', target_host: 'w2' }] },
        },
      },
    ]);
    // Asked again before its interval is over, it says nothing.
    expect(policy.analyze(input)).toEqual([]);
  });

  it.each([
    ['permitted_actions', situation({ permitted_actions: [] })],
    ['not-ready', situation({}, [node('w1'), node('w2', { ready: false })])],
  ])('is held to what every policy is held to: %s', async (rule, { input, tell }) => {
    tell('answer_ms', 90, start - 1000, 'w1', { application: 'shop' });
    const policy = await loaded(relocate(rule));
    policy.analyze(input);
    const [trigger] = await vi.waitFor(() => {
      const triggers = policy.analyze(input);
      expect(triggers).toHaveLength(1);
      return triggers;
    });
    const record = decide(policy.plan(input, trigger!)!, trigger!, { ...context, policy });
    expect(isAct(record)).toBe(false);
    expect(record.candidates.find(({ id }) => id === 'asked')?.rejected?.rule).toBe(rule);
  });

  it('changes an image where that is permitted, and once', async () => {
    const source = relocate('image').replace(
      / {4}here = [\s\S]*$/,
      `    spec = dict(application_description[0]["spec"]["components"][0])
    spec["containers"] = [{"image": "front:2"}]
    return {"fluidity": {"name": name, "deployment_plan": {"front": [{"action": "change_spec", "new_spec": spec, "host": "w1"}]}}}, context
`,
    );
    const components = [
      {
        metadata: { name: 'front' },
        containers: [{ image: 'front:1' }],
        qos_metrics: [{ application_metric_id: 'answer_ms', target: 50, relation: 'lower_or_equal' as const }],
      },
    ];
    const ask = async (more: Partial<ApplicationDescription>, policy: PythonPolicy, at: number) => {
      const { input, tell } = situation({ components, ...more });
      tell('answer_ms', 90, at - 1000, 'w1', { application: 'shop' });
      policy.analyze({ ...input, now: at });
      const [trigger] = await vi.waitFor(() => {
        const triggers = policy.analyze({ ...input, now: at });
        expect(triggers).toHaveLength(1);
        return triggers;
      });
      return { trigger: trigger!, proposal: policy.plan({ ...input, now: at }, trigger!) };
    };
    const policy = await loaded(source);
    const permitted = { permitted_actions: ['change_container_image' as const] };
    const first = await ask(permitted, policy, start);
    const record = decide(first.proposal!, first.trigger, { ...context, policy });
    expect(record.title).toBe('Change front: image front:1 → front:2');
    first.proposal!.commands(first.proposal!.options[1]!);
    expect((await ask(permitted, policy, start + 10_000)).proposal).toBeUndefined();

    const refused = await ask({}, await loaded(source), start);
    expect(refused.proposal?.options[1]?.rejected).toEqual({
      rule: 'permitted_actions',
      reason: 'shop does not permit change_container_image',
    });
  });

  it('goes on after an error, which is told', async () => {
    const problems: unknown[] = [];
    const { input } = situation();
    const policy = await loaded(relocate('two'), (level, text, details) => {
      if (level === 'error') problems.push(`${text}: ${String(details?.error)}`);
    });
    policy.analyze(input);
    await vi.waitFor(() => expect(problems).toHaveLength(1));
    expect(problems[0]).toMatch(/^policy relocate failed: .*policy-relocate\.py: line 9: ValueError: The data store is empty/);
    expect(policy.analyze({ ...input, now: start + 1000 })).toEqual([]);
  });
});

it('a folder of policy files is followed, and a broken file never stops the one that runs', async () => {
  const own = mkdtempSync(join(folder, 'hot-'));
  const said: string[] = [];
  const log: Log = (level, text) => void said.push(`${level} ${text}`);
  const file = join(own, 'policy-relocate.py');
  const versions: string[][] = [];
  const policies = new PolicyFolder({
    folder: own,
    load: (path) => PythonPolicy.load(path, { ...options, log: () => {} }),
    onChange: (all) => versions.push(all.map(({ version }) => version)),
    log,
  });
  open.push(policies);
  writeFileSync(join(own, 'notes.txt'), 'no policy');
  await policies.start();
  expect(policies.policies).toEqual([]);
  writeFileSync(file, relocate('first'));
  await vi.waitFor(() => expect(versions).toHaveLength(1), { timeout: 10_000 });
  writeFileSync(file, 'def initialize(:');
  await vi.waitFor(() => expect(said).toContain('error policy policy-relocate.py cannot be used; the one before it goes on'), {
    timeout: 10_000,
  });
  expect(policies.policies.map(({ version }) => version)).toEqual(versions[0]);
  writeFileSync(file, relocate('second'));
  await vi.waitFor(() => expect(versions).toHaveLength(2), { timeout: 10_000 });
  expect(versions[1]).not.toEqual(versions[0]);
  rmSync(file);
  await vi.waitFor(() => expect(policies.policies).toEqual([]), { timeout: 10_000 });
});

it('frames have a row a second, hold a silent series for ten, and say where nothing is known', () => {
  const { window, tell } = situation();
  tell('x', 1, start - 25_000);
  tell('x', 3, start - 25_000, 'w2');
  tell('y', 7, start - 2000);
  const { columns, rows } = frameOf(window, ['x', 'y', 'z'], start);
  expect(columns).toEqual(['timestamp', 'x', 'y', 'z']);
  const at = (ago: number) => rows.find(([time]) => time === start / 1000 - ago)?.slice(1);
  expect(at(25)).toEqual([2, null, null]);
  expect(at(17)).toEqual([2, null, null]);
  expect(at(10)).toBeUndefined();
  expect(at(0)).toEqual([null, 7, null]);
  const { view } = situation();
  expect(argumentsOf(view, view.applications, { columns, rows }, null).system_description).toEqual({
    MLSysOpsCluster: { cluster_id: 'c', nodes: ['w1', 'w2'] },
  });
});

it('intervals are read as the framework writes them', () => {
  expect(['5s', '2m', '1h', '1d', '0s', 'soon'].map(intervalMs)).toEqual([
    5000,
    120_000,
    3_600_000,
    86_400_000,
    Number.POSITIVE_INFINITY,
    10_000,
  ]);
});
