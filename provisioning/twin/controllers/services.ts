import { at, list, record, type StoredObject, text } from '../api/objects.ts';
import type { ControllerContext } from './context.ts';
import { isReady, selects } from './deployments.ts';
import { reconcileQueue } from './queue.ts';

/** Every Service gets a cluster address and an Endpoints object with the addresses of its ready pods. */
export function controlServices({ store, serviceCidr }: ControllerContext): { close(): void } {
  const queue = reconcileQueue(
    (key) => {
      const [namespace = '', name = ''] = key.split('/');
      const service = store.get('services', namespace, name);
      if (service) reconcile(service);
      else if (store.get('endpoints', namespace, name)) store.delete('endpoints', namespace, name);
    },
    (key, error) => {
      const [namespace = '', name = ''] = key.split('/');
      const message = error instanceof Error ? error.message : String(error);
      if (store.get('services', namespace, name))
        store.patchStatus('services', namespace, name, { conditions: [{ type: 'Failed', status: 'True', message }] });
    },
  );
  store.giveDefaults('services', (service) => {
    if (at(service, 'spec', 'clusterIP') !== undefined) return service;
    const clusterIP = freeAddress();
    return { ...service, spec: { type: 'ClusterIP', ...record(service.spec), clusterIP, clusterIPs: [clusterIP] } };
  });
  const keyOf = (object: StoredObject) => `${object.metadata.namespace}/${object.metadata.name}`;
  const watches = [
    store.watch('services', ({ object }) => queue.ask(keyOf(object))),
    store.watch('pods', ({ object }) => {
      for (const service of store.list('services', object.metadata.namespace))
        if (selects(service, object)) queue.ask(keyOf(service));
    }),
  ];
  for (const service of store.list('services')) queue.ask(keyOf(service));

  function reconcile(service: StoredObject): void {
    const { namespace, name } = service.metadata;
    const pods = store.list('pods', namespace).filter((pod) => selects(service, pod) && !pod.metadata.deletionTimestamp);
    const address = (pod: StoredObject) => ({
      ip: text(at(pod, 'status', 'podIP')) ?? '',
      nodeName: text(at(pod, 'spec', 'nodeName')),
      targetRef: { kind: 'Pod', namespace, name: pod.metadata.name, uid: pod.metadata.uid },
    });
    const ports = list(at(service, 'spec', 'ports')).map((port) => ({
      name: at(port, 'name'),
      port: targetPort(port, pods),
      protocol: text(at(port, 'protocol')) ?? 'TCP',
    }));
    const ready = pods.filter((pod) => isReady(pod) && at(pod, 'status', 'podIP')).map(address);
    const waiting = pods.filter((pod) => !isReady(pod) && at(pod, 'status', 'podIP')).map(address);
    const subsets = ready.length + waiting.length === 0 ? [] : [{ addresses: ready, notReadyAddresses: waiting, ports }];
    const owner = { apiVersion: 'v1', kind: 'Service', name, uid: service.metadata.uid };
    const endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name, namespace, ownerReferences: [owner] }, subsets };
    const present = store.get('endpoints', namespace, name);
    if (!present) store.create('endpoints', endpoints);
    else if (JSON.stringify(present.subsets) !== JSON.stringify(subsets)) store.update('endpoints', endpoints);
  }

  /** A number as it is; a name is looked up among the ports of the pods. */
  function targetPort(port: unknown, pods: StoredObject[]): number {
    const target = at(port, 'targetPort') ?? at(port, 'port');
    if (typeof target === 'number') return target;
    const named = pods
      .flatMap((pod) => list(at(pod, 'spec', 'containers')))
      .flatMap((container) => list(at(container, 'ports')))
      .find((one) => at(one, 'name') === target);
    return Number(at(named, 'containerPort') ?? at(port, 'port'));
  }

  /** The lowest free address of the service network; .1 is the API's own. */
  function freeAddress(): string {
    const [base = '10.96.0.0', bits = '16'] = serviceCidr.split('/');
    const start = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    const taken = new Set(store.list('services').map((service) => text(at(service, 'spec', 'clusterIP'))));
    for (let offset = 2; offset < 2 ** (32 - Number(bits)) - 1; offset++) {
      const value = start + offset;
      const address = [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
      if (!taken.has(address)) return address;
    }
    throw new Error(`no free address is left in ${serviceCidr}`);
  }

  return {
    close() {
      for (const watch of watches) watch.close();
      queue.close();
    },
  };
}
