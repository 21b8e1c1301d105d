import { expect, test } from 'vitest';
import { applicationSchema } from '../descriptions/application.ts';
import { type NodeDescription, nodeSchema } from '../descriptions/node.ts';
import { ManualClock } from '../manual-clock.ts';
import { devicesMoved, devicesWanted, platformOf } from '../orchestration/devices.ts';
import type { WorkloadChange, WorkloadPod, Workloads, WorkloadView } from '../orchestration/workloads.ts';
import { AcceleratorMechanism } from './accelerator.ts';
import { applyAll } from './steps.ts';

const gpuNode: NodeDescription = nodeSchema.parse({
  continuum_layer: 'edge',
  environment: { node_type: 'native', os: 'ubuntu' },
  hardware: { gpu: { model: 'T4', instances: 2 } },
  acceleration_api: [{ call_name: 'image_inference', supported_platforms: [{ name: 'cpu' }, { name: 'gpu' }] }],
});

/** Stands in for a cluster's Deployments, each changed at once and for good; one other component has one of the node's devices. */
function cluster(options: { permitted?: boolean; description?: NodeDescription; devices?: Record<string, number> } = {}) {
  const { permitted = true, description = gpuNode, devices = { 'nvidia.com/gpu': 2 } } = options;
  const application = applicationSchema.parse({
    name: 'shop',
    permitted_actions: permitted ? ['acceleration'] : [],
    components: [
      { metadata: { name: 'eye' }, containers: [{ image: 'eye:1', acceleration_api: [{ call_name: 'image_inference' }] }] },
      { metadata: { name: 'till' }, containers: [{ image: 'till:1' }] },
    ],
  });
  const pod = (planUid: string) => ({ ready: true, leaving: false, planUid }) as WorkloadPod;
  const view = (component: string, own: Record<string, string>): WorkloadView => ({
    application: 'shop',
    component,
    node: 'w',
    replicas: 1,
    runtimeClass: null,
    containers: [{ name: component, image: `${component}:1`, requests: {}, limits: {}, devices: own }],
    pods: [pod('before')],
  });
  const views = [view('eye', {}), view('till', { 'nvidia.com/gpu': '1' })];
  const changes: WorkloadChange[] = [];
  const workloads: Pick<Workloads, 'views' | 'change'> = {
    views: () => views,
    change: async (_application, _component, change, planUid) => {
      changes.push(change);
      const eye = views[0]!;
      const before = structuredClone(eye);
      const asked = Object.entries(change.containers?.[0]?.devices ?? {});
      const kept = asked.flatMap(([device, count]) => (count === null ? [] : [[device, count] as const]));
      eye.containers[0]!.devices = Object.fromEntries(kept);
      eye.pods = [pod(planUid)];
      return async () => void Object.assign(eye, before);
    },
  };
  const clock = new ManualClock();
  const mechanism = new AcceleratorMechanism(
    {
      workloads: workloads as Workloads,
      applications: () => [{ uid: 'u', description: application }],
      onChange: () => ({ close: () => {} }),
      node: () => ({ name: 'w', devices, description }),
    },
    clock,
  );
  const tell = (command: object) =>
    applyAll([{ mechanism, command: { name: 'shop', component: 'eye', ...command } }], { planId: 'p', clock, report: () => {} });
  return { mechanism, changes, tell };
}

test('a component gets an accelerator that its node has for its calls, is told so, and gives it back', async () => {
  const { mechanism, changes, tell } = cluster();
  const of = { application: 'shop', component: 'eye', container: 'eye' };
  expect(mechanism.options()).toEqual([
    {
      ...of,
      calls: ['image_inference'],
      permitted: true,
      platforms: [
        { platform: 'cpu', most: 1 },
        { platform: 'gpu', most: 1 },
        { platform: 'fpga', absent: 'w has no fpga for image_inference' },
        { platform: 'tpu', absent: 'w has no tpu for image_inference' },
      ],
    },
  ]);
  const given = await tell({ platform: 'gpu' });
  expect(changes[0]).toEqual({
    containers: [{ name: 'eye', devices: { 'nvidia.com/gpu': '1' }, env: { MLSYSOPS_ACCELERATOR: 'gpu' } }],
  });
  expect(mechanism.state()).toEqual([{ ...of, platform: 'gpu', instances: 1 }]);
  await expect(tell({ platform: 'gpu' })).rejects.toThrow('runs its acceleration calls on that already');
  await given.undo();
  expect(mechanism.state()).toEqual([{ ...of, platform: 'cpu', instances: 0 }]);
  await tell({ platform: 'gpu' });
  await tell({ platform: 'cpu' });
  expect(changes.at(-1)?.containers?.[0]?.devices).toEqual({ 'nvidia.com/gpu': null });
});

test('what descriptions or hardware say no to is refused, with the reason', async () => {
  const refused = async (options: Parameters<typeof cluster>[0], command: object, reason: string) => {
    const { changes, tell } = cluster(options);
    await expect(tell(command)).rejects.toThrow(reason);
    expect(changes).toEqual([]);
  };
  await refused({ permitted: false }, { platform: 'gpu' }, 'shop does not permit acceleration');
  const closed = { ...gpuNode, permitted_actions: ['cpu_frequency' as const] };
  await refused({ description: closed }, { platform: 'gpu' }, 'the description of w does not permit acceleration');
  await refused({ devices: {} }, { platform: 'gpu' }, 'the kubelet of w offers no gpu: the device plugin');
  await refused({}, { platform: 'fpga' }, 'w has no fpga for image_inference');
  await refused({}, { platform: 'gpu', instances: 2 }, 'w has 1 of nvidia.com/gpu free, 2 are asked for');
  await refused({}, { component: 'till', platform: 'gpu' }, 'till is described with no acceleration_api');
  await refused({}, { platform: 'abacus' }, 'platform');
});

test('devices are known by what their plugins call them', () => {
  const names = ['nvidia.com/gpu', 'gpu.intel.com/i915', 'xilinx.com/fpga-u250', 'google.com/tpu', 'smarter-devices/snd'];
  expect(names.map(platformOf)).toEqual(['gpu', 'gpu', 'fpga', 'tpu', undefined]);
});

test('what a description asks for is had as the node calls it, and under another name after a move', () => {
  const nvidia = { 'nvidia.com/gpu': 2 };
  const asking = (platform_requirements: object) => ({ image: 'x', platform_requirements });
  expect(devicesWanted(asking({ gpu: { model: 'T4' } }), nvidia)).toEqual({ 'nvidia.com/gpu': '1' });
  expect(devicesWanted(asking({ gpu: { requests: 2 }, fpga: {} }), { ...nvidia, 'xilinx.com/fpga-u250': 1 })).toEqual({
    'nvidia.com/gpu': '2',
    'xilinx.com/fpga-u250': '1',
  });
  expect(devicesWanted(asking({ gpu: {} }), undefined)).toEqual({});
  expect(devicesWanted(asking({ cpu: { requests: 1 } }), nvidia)).toEqual({});
  const intel = { 'gpu.intel.com/i915': 1 };
  expect(devicesMoved({ 'nvidia.com/gpu': '1' }, intel)).toEqual({ 'nvidia.com/gpu': null, 'gpu.intel.com/i915': '1' });
  for (const [devices, there] of [
    [{ 'nvidia.com/gpu': '1' }, nvidia],
    [{ 'nvidia.com/gpu': '1' }, {}],
    [{}, intel],
  ] as const)
    expect(devicesMoved(devices, there)).toBeUndefined();
});
