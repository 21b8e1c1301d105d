import type { ApplicationStatus } from './bus/messages.ts';
import { receiversOf } from './descriptions/application.ts';
import { unitOf } from './descriptions/common.ts';
import { type ComponentView, type DescribedApplication, type ResourceStatus, servingPod } from './orchestration/orchestrator.ts';
import type { PodView } from './orchestration/pod-view.ts';

type ComponentStatus = ApplicationStatus['components'][number];

const asleep = 'it sleeps until it is needed';

/** State of an application from its components' pods. `wasDeployed`: it had all of them ready before. */
export function applicationStatus(
  application: DescribedApplication,
  components: readonly ComponentView[],
  options: { cluster: string; time: number; wasDeployed: boolean },
): ApplicationStatus {
  const { description } = application;
  const statuses = description.components.map((component): ComponentStatus => {
    const name = component.metadata.name;
    const view = components.find((one) => one.application === description.name && one.component === name);
    const sendsTo = receiversOf(description, name);
    if (component.external_component) return { name, state: 'running', node: null, pod: null, reason: 'runs outside', sendsTo };
    if (view?.replicas === 0) return { name, state: 'pending', node: view.pin, pod: null, reason: asleep, sendsTo };
    const pod = view && servingPod(view);
    if (!pod) return { name, state: view ? 'starting' : 'pending', node: view?.pin ?? null, pod: null, sendsTo };
    return { name, ...podStatus(pod), node: pod.node, pod: pod.name, sendsTo };
  });
  // What sleeps is as it is to be.
  const allRunning = statuses.every(({ state, reason }) => state === 'running' || reason === asleep);
  const anyFailed = statuses.some(({ state }) => state === 'failed');
  return {
    application: description.name,
    cluster: options.cluster,
    time: options.time,
    state: allRunning ? 'deployed' : anyFailed || options.wasDeployed ? 'degraded' : 'deploying',
    targets: description.components.flatMap((component) =>
      (component.qos_metrics ?? []).map(({ application_metric_id, target, relation }) => ({
        metric: application_metric_id,
        target,
        relation,
        unit: unitOf(application_metric_id),
      })),
    ),
    components: statuses,
  };
}

function podStatus(pod: PodView): Pick<ComponentStatus, 'state' | 'reason'> {
  const reason = pod.reason === undefined ? {} : { reason: pod.reason };
  if (pod.leaving) return { state: 'leaving', ...reason };
  if (pod.ready) return { state: 'running' };
  if (pod.phase === 'Failed' || /BackOff|^Err|Error|Invalid/.test(pod.reason ?? '')) return { state: 'failed', ...reason };
  return { state: pod.node === null ? 'pending' : 'starting', ...reason };
}

/** The same for the application's custom resource. */
export function resourceStatus({ state, cluster, components }: ApplicationStatus): ResourceStatus {
  return {
    phase: state.charAt(0).toUpperCase() + state.slice(1),
    ready: `${components.filter((component) => component.state === 'running').length}/${components.length}`,
    clusters: cluster,
    components: components.map(({ name, state, node, reason }) => ({
      name,
      state,
      node,
      ...(reason !== undefined && { reason }),
    })),
  };
}

/** Whether two statuses say the same but for their time. */
export const sameStatus = (a: ApplicationStatus | undefined, b: ApplicationStatus): boolean =>
  a !== undefined && JSON.stringify({ ...a, time: 0 }) === JSON.stringify({ ...b, time: 0 });
