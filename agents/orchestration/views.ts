import type { V1Deployment, V1Node, V1Pod } from '@kubernetes/client-node';
import { parseQuantity } from '../descriptions/quantity.ts';
import { isDevice } from './devices.ts';
import type { ComponentView, NodeView } from './orchestrator.ts';
import type { PodView } from './pod-view.ts';
import { hostnameLabel, labels, metricsPortAnnotation } from './resources.ts';

export function nodeView(node: V1Node): NodeView {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  const address = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  const allocatable = node.status?.allocatable ?? node.status?.capacity ?? {};
  const devices = Object.entries(allocatable).flatMap(([name, count]) =>
    isDevice(name) ? [[name, Number(count)] as const] : [],
  );
  const isReady = ready?.status === 'True';
  // The watch gives text where the list gives a Date.
  const changedAt = ready?.lastTransitionTime ? new Date(ready.lastTransitionTime).getTime() : Number.NaN;
  return {
    name: node.metadata?.name ?? '',
    ready: isReady,
    ...(!isReady && Number.isFinite(changedAt) && { notReadySince: changedAt }),
    unschedulable: node.spec?.unschedulable ?? false,
    labels: node.metadata?.labels ?? {},
    taints: (node.spec?.taints ?? [])
      .filter(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute')
      .map(({ key, value, effect }) => ({ key, value: value ?? '', effect })),
    cores: parseQuantity(allocatable.cpu ?? 0) ?? Number.NaN,
    memoryBytes: parseQuantity(allocatable.memory ?? 0) ?? Number.NaN,
    ...(devices.length > 0 && { devices: Object.fromEntries(devices) }),
    ...(address !== undefined && { address }),
  };
}

export function podView(pod: V1Pod): PodView {
  const port = Number(pod.metadata?.annotations?.[metricsPortAnnotation]);
  return {
    name: pod.metadata?.name ?? '',
    uid: pod.metadata?.uid ?? '',
    node: pod.spec?.nodeName ?? null,
    ip: pod.status?.podIP ?? null,
    ready: pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    phase: pod.status?.phase ?? 'Pending',
    leaving: pod.metadata?.deletionTimestamp !== undefined && pod.metadata.deletionTimestamp !== null,
    reason: podReason(pod),
    // The watch gives text where the list gives a Date.
    createdAt: pod.metadata?.creationTimestamp ? new Date(pod.metadata.creationTimestamp).getTime() : 0,
    planUid: pod.metadata?.labels?.[labels.planUid] ?? '',
    metricsPort: Number.isInteger(port) && port > 0 ? port : undefined,
  };
}

function podReason(pod: V1Pod): string | undefined {
  for (const status of pod.status?.containerStatuses ?? []) {
    const { waiting, terminated } = status.state ?? {};
    if (waiting?.reason && waiting.reason !== 'ContainerCreating')
      return waiting.message ? `${waiting.reason}: ${waiting.message}` : waiting.reason;
    if (terminated && terminated.exitCode !== 0) return `${terminated.reason ?? 'Error'}: exit code ${terminated.exitCode}`;
  }
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  return unscheduled?.message ?? pod.status?.reason;
}

/** Components from their Deployments and pods. `nodes` turn the pin (a host name label) into a node's name. */
export function componentViews(
  deployments: readonly V1Deployment[],
  pods: readonly V1Pod[],
  nodes: readonly V1Node[],
): ComponentView[] {
  const nodeOfHostname = new Map(nodes.map((node) => [node.metadata?.labels?.[hostnameLabel] ?? '', node.metadata?.name ?? '']));
  const podsByComponent = new Map<string, PodView[]>();
  for (const pod of pods) {
    const key = componentKey(pod.metadata?.labels);
    podsByComponent.set(key, [...(podsByComponent.get(key) ?? []), podView(pod)]);
  }
  return deployments.map((deployment) => {
    const marks = deployment.metadata?.labels ?? {};
    const hostname = deployment.spec?.template.spec?.nodeSelector?.[hostnameLabel];
    return {
      application: marks[labels.app] ?? '',
      component: marks[labels.component] ?? '',
      componentUid: marks[labels.componentUid] ?? '',
      pin: hostname === undefined ? null : (nodeOfHostname.get(hostname) ?? hostname),
      ...(deployment.spec?.replicas !== undefined && { replicas: deployment.spec.replicas }),
      pods: (podsByComponent.get(componentKey(marks)) ?? []).sort((a, b) => b.createdAt - a.createdAt),
    };
  });
}

const componentKey = (marks: Record<string, string> | undefined): string => `${marks?.[labels.app]}/${marks?.[labels.component]}`;
