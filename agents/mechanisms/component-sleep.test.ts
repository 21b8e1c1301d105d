import { expect, test } from 'vitest';
import { applicationSchema } from '../descriptions/application.ts';
import { ManualClock } from '../manual-clock.ts';
import type { WorkloadPod, Workloads, WorkloadView } from '../orchestration/workloads.ts';
import { ComponentSleepMechanism } from './component-sleep.ts';
import { applyAll } from './steps.ts';

/** Stands in for a cluster's Deployments: pods are there, and gone, at once. */
function cluster(scalingMode: 'auto' | 'manual') {
  const description = applicationSchema.parse({
    name: 'shop',
    components: [{ metadata: { name: 'eye' }, node_placement: { scaling: { scaling_mode: scalingMode } } }],
  });
  const view: WorkloadView = {
    application: 'shop',
    component: 'eye',
    node: 'w',
    replicas: 1,
    runtimeClass: null,
    containers: [],
    pods: [{ ready: true, leaving: false } as WorkloadPod],
  };
  const workloads: Pick<Workloads, 'views' | 'scale'> = {
    views: () => [view],
    scale: async (_application, _component, replicas) => {
      view.replicas = replicas;
      view.pods = Array.from({ length: replicas }, () => ({ ready: true, leaving: false }) as WorkloadPod);
    },
  };
  const mechanism = new ComponentSleepMechanism(
    {
      workloads: workloads as Workloads,
      applications: () => [{ uid: 'u', description }],
      onChange: () => ({ close: () => {} }),
    },
    new ManualClock(),
  );
  const tell = (command: 'sleep' | 'wake') =>
    applyAll([{ mechanism, command: { name: 'shop', component: 'eye', command } }], {
      planId: 'p',
      clock: new ManualClock(),
      report: () => {},
    });
  return { mechanism, view, tell };
}

test('a component sleeps without pods and is woken with as many as it begins with; going back is possible', async () => {
  const { mechanism, view, tell } = cluster('auto');
  const slept = await tell('sleep');
  expect(view.replicas).toBe(0);
  expect(mechanism.state()).toEqual([{ application: 'shop', component: 'eye', sleeps: true }]);
  await expect(tell('sleep')).rejects.toThrow('eye sleeps already');
  await tell('wake');
  expect(view.replicas).toBe(1);
  await slept.undo();
  expect(view.replicas).toBe(1);
});

test('only what scales by itself may be put to sleep', async () => {
  const { mechanism, view, tell } = cluster('manual');
  expect(mechanism.options()).toMatchObject([{ permitted: false }]);
  await expect(tell('sleep')).rejects.toThrow('shop does not permit it: eye has no scaling_mode auto');
  expect(view.replicas).toBe(1);
});
