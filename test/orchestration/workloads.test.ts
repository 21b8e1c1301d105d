import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { NodeDescription } from '../../agents/descriptions/node.ts';
import { ImageMechanism } from '../../agents/mechanisms/image.ts';
import type { Mechanism, Step } from '../../agents/mechanisms/mechanism.ts';
import { ReplicasMechanism } from '../../agents/mechanisms/replicas.ts';
import { ResourcesMechanism } from '../../agents/mechanisms/resources.ts';
import { RuntimeClassMechanism } from '../../agents/mechanisms/runtime-class.ts';
import { applyAll } from '../../agents/mechanisms/steps.ts';
import { KubernetesOrchestrator } from '../../agents/orchestration/kubernetes.ts';
import { systemClock } from '../../agents/system-clock.ts';
import { nodeNames, runtimeClass, TestCluster } from './test-cluster.ts';

const [node] = nodeNames;
const patient = { timeout: 30_000, interval: 20 };
const key = { name: 'shop', component: 'front' };
const place = { application: 'shop', component: 'front' };
const described = (permitted_actions: string[]) => ({
  name: 'shop',
  permitted_actions,
  components: [
    {
      metadata: { name: 'front' },
      node_placement: { scaling: { scaling_mode: 'auto', instances: 2 } },
      containers: [
        {
          image: 'front:1',
          platform_requirements: { cpu: { requests: '250m', limits: '500m' }, memory: { requests: '64Mi', limits: '64Mi' } },
        },
      ],
    },
  ],
});

let cluster: TestCluster;
let orchestrator: KubernetesOrchestrator;
let steps: Step[] = [];
let plans = 0;
let nodeDescription: NodeDescription | undefined;
beforeAll(async () => {
  cluster = await TestCluster.start();
  orchestrator = new KubernetesOrchestrator(cluster.kubeConfig, () => {});
  await orchestrator.start();
  const actions = ['change_container_image', 'change_container_resource_requirements', 'change_container_runtime_class'];
  const application = await cluster.describe(described(actions));
  await vi.waitFor(() => expect(orchestrator.applications()).toHaveLength(1), patient);
  await orchestrator.deploy(application, 'front', node, 'plan-0');
  await vi.waitFor(() => expect(view()?.pods).toMatchObject([{ ready: true }]), patient);
}, 60_000);
afterAll(async () => {
  orchestrator?.stop();
  await cluster?.stop();
}, 60_000);

const view = () => orchestrator.workloads.views()[0];
/** Pods that stay, by their uid. */
const pods = () => (view()?.pods ?? []).filter(({ leaving }) => !leaving).map(({ uid }) => uid);
const workloads = () => ({
  workloads: orchestrator.workloads,
  applications: () => orchestrator.applications(),
  onChange: (listener: () => void) => orchestrator.onChange(listener),
});
const apply = (mechanism: Mechanism, command: object) =>
  applyAll([{ mechanism, command: { ...key, ...command } }], {
    planId: `plan-${++plans}`,
    clock: systemClock,
    report: (told) => {
      steps = told;
    },
  });
const titles = () => steps.map(({ title }) => title);

test('resources are changed in the pod that runs, put back, and refused by a node that has not so much', async () => {
  const mechanism = new ResourcesMechanism(workloads(), systemClock);
  const [before] = pods();
  const bounds = (limit: string) => [
    {
      ...place,
      containers: [{ name: 'front', requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: limit, memory: '64Mi' } }],
    },
  ];
  expect(mechanism.state()).toEqual(bounds('500m'));
  expect(mechanism.options()).toMatchObject([{ ...place, permitted: true, containers: ['front'] }]);
  const applied = await apply(mechanism, { limits: { cpu: '1' } });
  expect(titles()).toEqual([
    'Resize front in place from cpu 250m–500m, memory 64Mi–64Mi to cpu 250m–1, memory 64Mi–64Mi',
    'Wait until front has it',
  ]);
  await vi.waitFor(() => expect(mechanism.state()).toEqual(bounds('1')), patient);
  await vi.waitFor(() => expect(view()?.pods).toMatchObject([{ uid: before, planUid: `plan-${plans}` }]), patient);
  await applied.undo();
  await vi.waitFor(() => expect(mechanism.state()).toEqual(bounds('500m')), patient);
  const tooMuch = apply(mechanism, { requests: { cpu: '3200m' }, limits: { cpu: '4' } });
  await expect(tooMuch).rejects.toThrow('front does not get its resources: infeasible: the node has not so many cores');
  await vi.waitFor(() => expect(mechanism.state()).toEqual(bounds('500m')), patient);
  await vi.waitFor(() => expect(view()?.pods).toMatchObject([{ uid: before, resize: undefined }]), patient);
  // More than the node has at all: Kubernetes 1.36 does not take it, a former one has the node say so.
  const farTooMuch = apply(mechanism, { requests: { cpu: '40' }, limits: { cpu: '50' } });
  await expect(farTooMuch).rejects.toThrow(/infeasible|didn't have enough allocatable resources/);
  await vi.waitFor(() => expect(view()?.pods).toMatchObject([{ uid: before, resize: undefined }]), patient);
  await expect(apply(mechanism, { limits: { cpu: '500m' } })).rejects.toThrow('front has these resources already');
  await expect(apply(mechanism, { requests: { cpu: '2' } })).rejects.toThrow('a request of 2 cpu is over the limit of 500m');
  // A bound cannot be taken away from a pod that runs: a new one comes.
  await apply(mechanism, { limits: { memory: null } });
  expect(titles()).toContain('End front as it was');
  expect(pods()).not.toContain(before);
}, 90_000);

test('replicas come and go within what is described', async () => {
  const mechanism = new ReplicasMechanism(workloads(), systemClock);
  expect(mechanism.options()).toEqual([{ ...place, permitted: true, min: 1, max: 2 }]);
  const [first] = pods();
  const applied = await apply(mechanism, { replicas: 2 });
  expect(pods()).toHaveLength(2);
  expect(pods()).toContain(first);
  await expect(apply(mechanism, { replicas: 3 })).rejects.toThrow('front may have 1 to 2 replicas, not 3');
  await applied.undo();
  await vi.waitFor(() => expect(pods()).toHaveLength(1), patient);
});

test('an image that cannot be pulled is taken back while the former serves; one that can stays; a node may forbid it', async () => {
  const mechanism = new ImageMechanism({ ...workloads(), descriptionOf: () => nodeDescription }, systemClock);
  const images = () => view()?.containers.map(({ image }) => image);
  const before = pods();
  await expect(apply(mechanism, { image: 'broken:2' })).rejects.toThrow(/^front does not start: ImagePullBackOff/);
  await vi.waitFor(() => expect(images()).toEqual(['front:1']), patient);
  await vi.waitFor(() => expect(pods()).toEqual(before), patient);
  await apply(mechanism, { image: 'front:2' });
  expect(images()).toEqual(['front:2']);
  expect(pods()).toHaveLength(1);
  await expect(apply(mechanism, { image: 'front:2' })).rejects.toThrow('front has the image front:2 already');
  await expect(apply(mechanism, { container: 'side', image: 'x' })).rejects.toThrow(
    'front has no container side; there are: front',
  );
  const environment = { node_type: 'native' as const, os: 'ubuntu' as const };
  nodeDescription = { continuum_layer: 'edge', environment, hardware: {}, permitted_actions: ['cpu_frequency'] };
  const reason = `the description of ${node} does not permit change_container_image`;
  expect(mechanism.options()).toMatchObject([{ permitted: false, reason }]);
  await expect(apply(mechanism, { image: 'front:3' })).rejects.toThrow(reason);
}, 90_000);

test('a runtime class is one that the cluster has', async () => {
  const mechanism = new RuntimeClassMechanism(workloads(), systemClock);
  await vi.waitFor(() => expect(mechanism.absent).toBeUndefined(), patient);
  await apply(mechanism, { runtime_class: runtimeClass });
  expect(mechanism.state()).toEqual([{ ...place, runtime_class: runtimeClass }]);
  await expect(apply(mechanism, { runtime_class: 'no-such' })).rejects.toThrow('there is no RuntimeClass "no-such"');
  await apply(mechanism, { runtime_class: 'default' });
  expect(mechanism.state()).toEqual([{ ...place, runtime_class: 'default' }]);
}, 90_000);

test('what its application does not permit, or names no component that runs, changes nothing', async () => {
  await cluster.redescribe(described([]));
  await vi.waitFor(() => expect(orchestrator.applications()[0]?.description.permitted_actions).toEqual([]), patient);
  const before = view();
  for (const [mechanism, command, action] of [
    [new ResourcesMechanism(workloads(), systemClock), { limits: { cpu: '1' } }, 'change_container_resource_requirements'],
    [
      new ImageMechanism({ ...workloads(), descriptionOf: () => undefined }, systemClock),
      { image: 'x' },
      'change_container_image',
    ],
    [new RuntimeClassMechanism(workloads(), systemClock), { runtime_class: runtimeClass }, 'change_container_runtime_class'],
  ] as const) {
    await expect(apply(mechanism, command)).rejects.toThrow(`shop does not permit ${action}`);
    await expect(apply(mechanism, { ...command, component: 'back' })).rejects.toThrow(
      'back of shop does not run in this cluster',
    );
    expect(mechanism.options()).toMatchObject([{ permitted: false }]);
  }
  expect(view()).toEqual(before);
});
