import { expect, test, vi } from 'vitest';
import { applicationSchema, componentSchema } from '../descriptions/application.ts';
import { type NodeDescription, nodeSchema } from '../descriptions/node.ts';
import { ManualClock } from '../manual-clock.ts';
import type { ClusterOrchestrator, ComponentView } from '../orchestration/orchestrator.ts';
import type { PodView } from '../orchestration/pod-view.ts';
import { MechanismError, type Step } from './mechanism.ts';
import { PlacementMechanism } from './placement.ts';
import { specDifferences } from './spec-change.ts';
import { applyAll } from './steps.ts';

/** A cluster whose pods the test makes ready by hand. A double, for this file alone. */
function setUp() {
  const listeners = new Set<() => void>();
  const component: ComponentView = { application: 'shop', component: 'front', componentUid: 'x', pin: 'w1', pods: [] };
  const calls: string[] = [];
  const nodes = ['w1', 'w2'].map((name) => ({
    name,
    ready: true,
    unschedulable: false,
    labels: {},
    taints: [],
    cores: 4,
    memoryBytes: 4e9,
  }));
  const description = applicationSchema.parse({
    name: 'shop',
    permitted_actions: ['component_relocation', 'change_container_image'],
    components: [{ metadata: { name: 'front' }, containers: [{ image: 'front:1' }] }],
  });
  const orchestrator: ClusterOrchestrator = {
    start: async () => {},
    stop: () => {},
    nodes: () => nodes,
    applications: () => [{ uid: 'u', description }],
    describedNames: () => ['shop'],
    components: () => [{ ...component, pods: [...component.pods] }],
    onChange: (listener) => {
      listeners.add(listener);
      return { close: () => void listeners.delete(listener) };
    },
    deploy: async (_application, name, node) => void calls.push(`deploy ${name} ${node}`),
    pin: async (_application, name, node) => {
      calls.push(`pin ${name} ${node}`);
      component.pin = node;
    },
    remove: async (_application, name) => void calls.push(`remove ${name}`),
    respec: async (_application, { containers = [] }) => {
      calls.push(`respec ${containers[0]?.image}`);
      return async () => void calls.push('respec back');
    },
    report: async () => {},
  };
  const clock = new ManualClock();
  const rules = { isMisfit: vi.fn(() => false), descriptionOf: vi.fn((): NodeDescription | undefined => undefined) };
  const mechanism = new PlacementMechanism(orchestrator, clock, rules);
  let steps: Step[] = [];
  const apply = (command: object) => {
    const report = (reported: Step[]) => {
      steps = reported;
    };
    const done = applyAll([{ mechanism, command: { name: 'shop', deployment_plan: command } }], {
      planId: 'plan',
      clock,
      report,
    });
    done.catch(() => {});
    return done;
  };
  const show = async (pods: PodView[]) => {
    component.pods = pods;
    for (const listener of [...listeners]) listener();
    await clock.advance(0);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return { clock, mechanism, apply, show, calls, steps: () => steps, listeners, nodes, description, rules, component };
}
const pod = (node: string, more: Partial<PodView> = {}): PodView => ({
  name: `front-${node}`,
  uid: node,
  node,
  ip: null,
  ready: true,
  phase: 'Running',
  leaving: false,
  reason: undefined,
  createdAt: 0,
  planUid: '',
  metricsPort: undefined,
  ...more,
});
const move = { front: [{ action: 'move', src_host: 'w1', target_host: 'w2' }] };

test('a move is over when the new pod is ready and the old one has gone; its steps are timed', async () => {
  const { apply, show, calls, steps, clock, listeners } = setUp();
  await show([pod('w1')]);
  const done = apply(move);
  await show([pod('w1'), pod('w2', { ready: false })]);
  await clock.advance(3000);
  expect(steps().map(({ title, durationMs }) => [title, durationMs])).toEqual([
    ['Pin front to w2', 0],
    ['Start front on w2', null],
  ]);
  await show([pod('w1', { leaving: true }), pod('w2')]);
  await clock.advance(500);
  await show([pod('w2')]);
  await done;
  expect(steps().map(({ title, durationMs }) => [title, durationMs])).toEqual([
    ['Pin front to w2', 0],
    ['Start front on w2', 3000],
    ['End front on w1', 500],
  ]);
  expect(calls).toEqual(['pin front w2']);
  expect(listeners.size).toBe(0);
});

test('a new pod that cannot start, or not in time, has the pin put back', async () => {
  const hopeless = setUp();
  await hopeless.show([pod('w1')]);
  const done = hopeless.apply(move);
  await hopeless.show([pod('w1'), pod('w2', { ready: false, reason: 'ErrImageNeverPull: no such image' })]);
  await expect(done).rejects.toThrow('front does not start on w2: ErrImageNeverPull: no such image');
  expect(hopeless.calls).toEqual(['pin front w2', 'pin front w1']);
  expect(hopeless.steps().map(({ title, error }) => [title, error !== undefined])).toEqual([
    ['Pin front to w2', false],
    ['Start front on w2', true],
    ['Pin front back to w1', false],
  ]);

  const slow = setUp();
  await slow.show([pod('w1')]);
  const late = slow.apply(move);
  await slow.show([pod('w1')]);
  await slow.clock.advance(120_000);
  await expect(late).rejects.toThrow(MechanismError);
  expect(slow.calls).toEqual(['pin front w2', 'pin front w1']);
});

test('a start is waited for only as long as it is wanted: not when somebody removes the component, or pins it elsewhere', async () => {
  const removed = setUp();
  const start = removed.apply({ front: [{ action: 'deploy', host: 'w1' }] });
  await removed.show([pod('w1', { ready: false })]);
  removed.component.component = 'another';
  await removed.show([]);
  await expect(start).rejects.toThrow('front does not start on w1: it was removed meanwhile');
  expect(removed.listeners.size).toBe(0);

  const pinned = setUp();
  await pinned.show([pod('w1')]);
  const done = pinned.apply(move);
  await pinned.show([pod('w1'), pod('w2', { ready: false })]);
  pinned.component.pin = 'w3';
  await pinned.show([pod('w1'), pod('w2', { ready: false })]);
  await expect(done).rejects.toThrow('front does not start on w2: it is to be on w3 meanwhile');
});

test('an old pod that is slow to end fails the step but undoes nothing', async () => {
  const { apply, show, calls, clock } = setUp();
  await show([pod('w1')]);
  const done = apply(move);
  await show([pod('w1'), pod('w2')]);
  await clock.advance(60_000);
  await expect(done).rejects.toThrow('front does not end: not within 60 s');
  expect(calls).toEqual(['pin front w2']);
});

test('an old pod on a dead node, which cannot end there, is not waited for', async () => {
  const { apply, show, nodes, steps } = setUp();
  nodes[0]!.ready = false;
  await show([pod('w1', { ready: false })]);
  const done = apply(move);
  await show([pod('w1', { ready: false }), pod('w2')]);
  expect(steps().at(-1)).toMatchObject({ title: 'End front on w1', durationMs: null });
  await show([pod('w1', { ready: false, leaving: true }), pod('w2')]);
  await done;
  expect(steps().at(-1)).toMatchObject({ title: 'End front on w1', durationMs: 0 });
});

const respec = {
  front: [{ action: 'change_spec', new_spec: { metadata: { name: 'front' }, containers: [{ image: 'front:2' }] } }],
};

test('a changed specification is over when its own pod is ready and the former one has gone, and put back when it cannot start', async () => {
  const { apply, show, calls, steps } = setUp();
  await show([pod('w1')]);
  const done = apply(respec);
  await show([pod('w1'), pod('w1', { planUid: 'plan' })]);
  expect(steps().map(({ title }) => title)).toEqual(['Change front', 'Start front as it is now', 'End front as it was']);
  await show([pod('w1', { planUid: 'plan' })]);
  await done;
  expect(calls).toEqual(['respec front:2']);

  const hopeless = setUp();
  await hopeless.show([pod('w1')]);
  const failing = hopeless.apply(respec);
  await hopeless.show([pod('w1'), pod('w1', { planUid: 'plan', ready: false, reason: 'ErrImageNeverPull: no such image' })]);
  await expect(failing).rejects.toThrow('front does not start: ErrImageNeverPull');
  expect(hopeless.calls).toEqual(['respec front:2', 'respec back']);
});

test('a move takes the permission of the application, but away from where the component cannot stay', async () => {
  const { apply, show, description, nodes, rules, calls } = setUp();
  await show([pod('w1')]);
  description.permitted_actions = ['change_container_image'];
  await expect(apply(move)).rejects.toThrow('shop does not permit component_relocation');
  expect(calls).toEqual([]);
  const begins = async () => {
    void apply(move);
    await show([pod('w1')]);
    return calls.splice(0).length > 0;
  };
  rules.isMisfit.mockReturnValue(true);
  expect(await begins()).toBe(true);
  rules.isMisfit.mockReturnValue(false);
  // A node that may come back is one to relocate from; an application that names no actions forbids none.
  nodes[0]!.ready = false;
  expect(await begins()).toBe(false);
  description.permitted_actions = undefined;
  expect(await begins()).toBe(true);
  nodes[0]!.ready = true;
  expect(await begins()).toBe(false);
  nodes.splice(0, 1);
  expect(await begins()).toBe(true);
});

test('a changed specification takes the permission of application and node for each of its changes', async () => {
  const { apply, show, description, rules, calls } = setUp();
  await show([pod('w1')]);
  const to = (spec: object) => ({ front: [{ action: 'change_spec', new_spec: { metadata: { name: 'front' }, ...spec } }] });
  await expect(apply(to({ containers: [{ image: 'front:1', command: ['x'] }] }))).rejects.toThrow(
    'cannot be changed while it runs',
  );
  await expect(apply(to({ runtime_class_name: 'crun', containers: [{ image: 'front:1' }] }))).rejects.toThrow(
    'shop does not permit change_container_runtime_class (runtime class none → crun)',
  );
  const closed = nodeSchema.parse({
    continuum_layer: 'edge',
    environment: { node_type: 'native', os: 'ubuntu' },
    hardware: {},
    permitted_actions: ['cpu_frequency'],
  });
  rules.descriptionOf.mockReturnValue(closed);
  await expect(apply(respec)).rejects.toThrow('the description of w1 does not permit change_container_image');
  description.permitted_actions = [];
  await expect(apply(respec)).rejects.toThrow('shop does not permit change_container_image (image front:1 → front:2)');
  expect(calls).toEqual([]);
});

test('what a new specification changes, and what it needs to be permitted', () => {
  const component = (more: object) =>
    componentSchema.parse({
      metadata: { name: 'front' },
      containers: [{ image: 'a:1', command: ['run'], platform_requirements: { cpu: { requests: '250m' } } }],
      ...more,
    });
  const of = (more: object) => specDifferences(component({}), component(more)).map(({ text, action }) => `${text} (${action})`);
  expect(of({})).toEqual([]);
  expect(
    of({
      runtime_class_name: 'crun',
      containers: [{ image: 'a:2', command: ['run'], platform_requirements: { cpu: { requests: '300m', limits: 1 } } }],
    }),
  ).toEqual([
    'runtime class none → crun (change_container_runtime_class)',
    'image a:1 → a:2 (change_container_image)',
    'cpu requests 250m → 300m (change_container_resource_requirements)',
    'cpu limits none → 1 (change_container_resource_requirements)',
  ]);
  expect(of({ containers: [] })).toEqual(['number of containers 1 → 0 (null)']);
});

test('what a command touches, and one that does not fit', () => {
  const { mechanism } = setUp();
  expect(mechanism.touches({ name: 'shop', deployment_plan: { initial_plan: true, front: [], back: [] } })).toEqual([
    'shop/front',
    'shop/back',
  ]);
  expect(() => mechanism.touches({ name: 'shop', deployment_plan: { front: [{ action: 'fly', host: 'x' }] } })).toThrow();
});
