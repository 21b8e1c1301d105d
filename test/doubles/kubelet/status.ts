import type { ContainerProcess, ContainerState } from './container.ts';
import type { Pod } from './types.ts';

type PodStatus = NonNullable<Pod['status']>;
const time = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/** What kubelet says of a pod. Times of conditions are kept from `previous` while the condition stays as it was. */
export function podStatus(
  pod: Pod,
  containers: { process: ContainerProcess; ready: boolean; image: string }[],
  options: { hostIp: string; startedAt: number; now: number; previous: Pod['status'] },
): PodStatus {
  const { hostIp, startedAt, now, previous } = options;
  const states = containers.map(({ process }) => process.state);
  const restartPolicy = pod.spec?.restartPolicy ?? 'Always';
  const isReady = containers.length > 0 && containers.every(({ ready }) => ready) && !pod.metadata?.deletionTimestamp;
  const unready = containers.filter(({ ready }) => !ready).map(({ process }) => process.name);
  const why = isReady ? {} : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
  const condition = (type: string, isTrue: boolean, more: { reason?: string; message?: string } = {}) => {
    const status = isTrue ? 'True' : 'False';
    const before = previous?.conditions?.find((one) => one.type === type);
    const lastTransitionTime = before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : time(now);
    return { type, status, lastTransitionTime, ...more };
  };
  return {
    phase: phaseOf(
      states,
      restartPolicy,
      containers.map(({ process }) => process),
    ),
    hostIP: hostIp,
    podIP: hostIp,
    podIPs: [{ ip: hostIp }],
    startTime: time(startedAt),
    qosClass: pod.status?.qosClass ?? 'Burstable',
    conditions: [
      condition('PodScheduled', true),
      condition('Initialized', true),
      condition('ContainersReady', isReady, why),
      condition('Ready', isReady, why),
    ],
    containerStatuses: containers.map(({ process, ready, image }) => ({
      name: process.name,
      image,
      imageID: '',
      ready,
      started: process.state.kind === 'running',
      restartCount: process.restartCount,
      state: stateOf(process.state),
      // Merge patch: what is not there any more must be said to be gone.
      lastState: process.lastEnd && process.state !== process.lastEnd ? stateOf(process.lastEnd) : {},
    })),
  };
}

function phaseOf(states: ContainerState[], restartPolicy: string, processes: ContainerProcess[]): string {
  const isFinal = (state: ContainerState): boolean =>
    state.kind === 'terminated' && (restartPolicy === 'Never' || (restartPolicy === 'OnFailure' && state.exitCode === 0));
  if (states.length > 0 && states.every(isFinal))
    return states.every((state) => state.kind === 'terminated' && state.exitCode === 0) ? 'Succeeded' : 'Failed';
  const hasRun = processes.every((process) => process.state.kind === 'running' || process.lastEnd !== undefined);
  return hasRun ? 'Running' : 'Pending';
}

function stateOf(state: ContainerState) {
  switch (state.kind) {
    case 'waiting':
      return { waiting: { reason: state.reason, ...(state.message && { message: state.message }) } };
    case 'running':
      return { running: { startedAt: time(state.startedAt) } };
    case 'terminated':
      return {
        terminated: {
          exitCode: state.exitCode,
          reason: state.exitCode === 0 ? 'Completed' : 'Error',
          startedAt: time(state.startedAt),
          finishedAt: time(state.finishedAt),
        },
      };
  }
}
