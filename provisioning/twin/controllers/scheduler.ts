import { at, list, number, record, type StoredObject, text } from '../api/objects.ts';
import { matchesLabels } from '../api/selectors.ts';
import type { ControllerContext } from './context.ts';
import { isReady } from './deployments.ts';

/** How often pods that found no node are tried again. */
const retryMs = 2000;

/** Gives each pod a node: selector, taints and requests must fit; of those that fit, the one with the most free CPU. */
export function schedulePods({ store, clock }: ControllerContext): { close(): void } {
  let waiting: NodeJS.Immediate | null = null;
  const soon = () => {
    waiting ??= setImmediate(() => {
      waiting = null;
      scheduleAll();
    });
  };
  const watches = [store.watch('pods', soon), store.watch('nodes', soon)];
  const retry = clock.every(retryMs, scheduleAll);

  function scheduleAll(): void {
    const pending = store
      .list('pods')
      .filter((pod) => text(at(pod, 'spec', 'nodeName')) === undefined && !pod.metadata.deletionTimestamp);
    if (pending.length === 0) return;
    const used = usage();
    for (const pod of pending) schedule(pod, used);
  }

  function usage(): Map<string, number> {
    const used = new Map<string, number>();
    for (const pod of store.list('pods')) {
      const node = text(at(pod, 'spec', 'nodeName'));
      if (node !== undefined) used.set(node, (used.get(node) ?? 0) + requestedCores(pod));
    }
    return used;
  }

  function schedule(pod: StoredObject, used: Map<string, number>): void {
    const refusals = new Map<string, number>();
    const fitting: { node: StoredObject; free: number }[] = [];
    for (const node of store.list('nodes')) {
      const free = coresOf(node) - (used.get(node.metadata.name) ?? 0);
      const refusal = refusalOf(pod, node, free);
      if (refusal === null) fitting.push({ node, free });
      else refusals.set(refusal, (refusals.get(refusal) ?? 0) + 1);
    }
    const [best] = fitting.sort((a, b) => b.free - a.free || a.node.metadata.name.localeCompare(b.node.metadata.name));
    if (best) {
      store.modify('pods', pod.metadata.namespace, pod.metadata.name, (object) => ({
        ...object,
        spec: { ...record(object.spec), nodeName: best.node.metadata.name },
      }));
      used.set(best.node.metadata.name, (used.get(best.node.metadata.name) ?? 0) + requestedCores(pod));
      return;
    }
    const reasons = [...refusals].map(([reason, count]) => `${count} ${reason}`).join(', ');
    const message = `0/${store.list('nodes').length} nodes are available: ${reasons || 'there is no node'}.`;
    const known = list(at(pod, 'status', 'conditions')).find((condition) => at(condition, 'type') === 'PodScheduled');
    if (at(known, 'message') === message) return;
    store.patchStatus('pods', pod.metadata.namespace, pod.metadata.name, {
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
    });
  }

  return {
    close() {
      for (const watch of watches) watch.close();
      retry.close();
      if (waiting) clearImmediate(waiting);
    },
  };
}

/** null when the pod may run there; else the reason in the scheduler's words. */
function refusalOf(pod: StoredObject, node: StoredObject, freeCores: number): string | null {
  if (!matchesLabels(record(at(pod, 'spec', 'nodeSelector')), node)) return "node(s) didn't match Pod's node affinity/selector";
  if (at(node, 'spec', 'unschedulable') === true) return 'node(s) were unschedulable';
  if (!isReady(node)) return 'node(s) were not ready';
  const taint = list(at(node, 'spec', 'taints')).find((one) => at(one, 'effect') !== 'PreferNoSchedule' && !tolerates(pod, one));
  if (taint !== undefined) return `node(s) had untolerated taint {${at(taint, 'key')}: ${at(taint, 'value') ?? ''}}`;
  if (requestedCores(pod) > freeCores + 1e-9) return 'Insufficient cpu';
  return null;
}

const tolerates = (pod: StoredObject, taint: unknown): boolean =>
  list(at(pod, 'spec', 'tolerations')).some((toleration) => {
    const effect = at(toleration, 'effect');
    if (effect !== undefined && effect !== at(taint, 'effect')) return false;
    if (at(toleration, 'key') === undefined) return at(toleration, 'operator') === 'Exists';
    if (at(toleration, 'key') !== at(taint, 'key')) return false;
    return at(toleration, 'operator') === 'Exists' || (at(toleration, 'value') ?? '') === (at(taint, 'value') ?? '');
  });

/** "500m" is half a core, "2" two. */
export function cores(quantity: unknown): number {
  if (typeof quantity === 'number') return quantity;
  const match = /^(\d+(?:\.\d+)?)(m?)$/.exec(text(quantity) ?? '');
  return match ? Number(match[1]) * (match[2] === 'm' ? 0.001 : 1) : 0;
}
const requestedCores = (pod: StoredObject): number =>
  list(at(pod, 'spec', 'containers')).reduce<number>(
    (sum, container) => sum + cores(at(container, 'resources', 'requests', 'cpu')),
    0,
  );
const coresOf = (node: StoredObject): number =>
  cores(at(node, 'status', 'allocatable', 'cpu') ?? at(node, 'status', 'capacity', 'cpu')) ||
  (number(at(node, 'status', 'cores')) ?? Number.POSITIVE_INFINITY);
