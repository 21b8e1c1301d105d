import { expect, test } from 'vitest';
import { CpusetCgroups } from '../../agents/host/linux/processor-sets.ts';
import type { TrackedComponent } from '../../agents/host/signals.ts';
import { ManualClock } from '../../agents/manual-clock.ts';
import { CpusetMechanism } from '../../agents/mechanisms/cpuset.ts';
import { applyAll } from '../../agents/mechanisms/steps.ts';
import { CpusetDouble } from '../doubles/sysfs/cgroups.ts';

const clock = new ManualClock();
const uid = '11111111-2222-3333-4444-555555555555';
const camera: TrackedComponent = {
  application: 'camera',
  component: 'detector',
  podUid: uid,
  permittedActions: ['change_container_cpu_set'],
};
const command = { command: 'set', application: 'camera', component: 'detector' };

function make(version: 'v1' | 'v2', components: TrackedComponent[] = [camera]) {
  const pod = version === 'v1' ? `kubepods/burstable/pod${uid}` : `kubepods.slice/kubepods-pod${uid.replaceAll('-', '_')}.slice`;
  const above = version === 'v1' ? ['kubepods', 'kubepods/burstable'] : ['kubepods.slice'];
  const inherited = version === 'v1' ? '0-3' : '';
  const kernel = new CpusetDouble(version, {
    '': '0-3',
    ...Object.fromEntries(above.map((folder) => [folder, inherited])),
    [pod]: inherited,
    [`${pod}/app`]: version === 'v1' ? '0-1' : '',
    [`${pod}/sidecar`]: inherited,
    'kubepods/podother': inherited,
  });
  const mechanism = new CpusetMechanism({ sets: new CpusetCgroups(kernel, kernel), components: () => components });
  const apply = (one: unknown) => applyAll([{ mechanism, command: one }], { planId: 'p', clock, report: () => {} });
  return { kernel, mechanism, apply, before: new Map(kernel.sets) };
}

test.each(['v1', 'v2'] as const)('a pod is pinned within cgroup %s, and reset gives back what it had', async (version) => {
  const { kernel, mechanism, apply, before } = make(version);
  expect(mechanism.options()).toEqual({ cpus: [0, 1, 2, 3] });
  expect(mechanism.touches({ ...command, cpus: '1' })).toEqual(['cpuset/camera/detector']);
  await apply({ ...command, cpus: '2-3' });
  expect(mechanism.state()).toEqual([{ application: 'camera', component: 'detector', pod: uid, cpus: [2, 3] }]);
  // From a set that shares nothing with it, both ways.
  await apply({ ...command, cpus: '0' });
  expect(mechanism.state()).toMatchObject([{ cpus: [0] }]);
  const others = [...kernel.sets].filter(([folder]) => !folder.includes(`${uid.slice(0, 8)}`));
  expect(others.every(([folder, set]) => before.get(folder) === set)).toBe(true);
  await apply({ ...command, command: 'reset' });
  expect(mechanism.state()).toMatchObject([{ cpus: [0, 1, 2, 3] }]);
});

test.each(['v1', 'v2'] as const)('what a later step of the plan fails at is undone exactly in cgroup %s', async (version) => {
  const gone: TrackedComponent = { ...camera, podUid: 'another' };
  const { kernel, mechanism, apply, before } = make(version, [camera, gone]);
  await expect(apply({ ...command, cpus: '3' })).rejects.toThrow('no cpuset cgroup on this node');
  expect(kernel.sets).toEqual(before);
  expect(kernel.written.length).toBeGreaterThan(0);
  expect(mechanism.state()).toMatchObject([{ cpus: [0, 1, 2, 3] }, { cpus: null }]);
});

test('a container whose set the kernel holds has its pod put back', async () => {
  const { kernel, apply, before } = make('v1');
  kernel.busy.add(`/sys/fs/cgroup/cpuset/kubepods/burstable/pod${uid}/sidecar`);
  await expect(apply({ ...command, cpus: '0-1' })).rejects.toThrow('the kernel refuses it: EBUSY');
  expect(kernel.sets).toEqual(before);
});

test.each([
  [{ ...command, cpus: '4' }, /no processor 4; there are 0, 1, 2, 3/],
  [{ ...command, cpus: '0;reboot' }, /no list of processors/],
  [{ ...command, component: '../..', cpus: '0' }, /does not run on this node/],
  [{ ...command }, /cpus/],
  [{ ...command, cpus: '0', mems: '0' }, /mems/],
])('%j is refused', async (hostile, message) => {
  const { kernel, apply } = make('v2');
  await expect(apply(hostile)).rejects.toThrow(message);
  expect(kernel.written).toEqual([]);
});

test('an application that does not permit it, or permits nothing, is left alone', async () => {
  for (const permittedActions of [undefined, [], ['component_relocation']]) {
    const { kernel, apply } = make('v2', [{ ...camera, permittedActions }]);
    await expect(apply({ ...command, cpus: '0' })).rejects.toThrow('camera does not permit change_container_cpu_set');
    expect(kernel.written).toEqual([]);
  }
});

test('a kernel without the controller has it absent', async () => {
  const none = { read: () => undefined, list: () => [], exists: () => false, write: () => {} };
  const mechanism = new CpusetMechanism({ sets: new CpusetCgroups(none, none), components: () => [camera] });
  expect([mechanism.options(), mechanism.state()]).toEqual([{ absent: expect.stringContaining('no cpuset controller') }, []]);
});
