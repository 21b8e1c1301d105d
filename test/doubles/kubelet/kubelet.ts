import { availableParallelism } from 'node:os';
import type { Api } from './api.ts';
import type { Cgroups } from './cgroups.ts';
import type { ContainerSurroundings } from './container.ts';
import type { KubeletFlags } from './flags.ts';
import { NodeObject } from './node-object.ts';
import { PodWorker } from './pod-worker.ts';
import type { ServiceProxy } from './proxy.ts';
import type { Log, Pod, Service } from './types.ts';

export interface KubeletOptions {
  api: Api;
  flags: KubeletFlags;
  cgroups: Cgroups;
  /** null: connections to ClusterIPs are left alone. */
  proxy: ServiceProxy | null;
  stateFolder: string;
  logFolder: string;
  backOff?: ContainerSurroundings['backOff'];
  log: Log;
}

const tickMs = 500;

/** Puts the double together: node, pods and proxy over two watches. Closing it leaves the pods running, as kubelet does. */
export function startKubelet(options: KubeletOptions): { close(): void } {
  const { api, flags, cgroups, proxy, log } = options;
  const cores = cgroups.cores(availableParallelism());
  const pods = new Map<string, Pod>();
  const services = new Map<string, Service>();
  const workers = new Map<string, PodWorker>();
  let knowsPods = false;
  let knowsServices = false;
  const around: ContainerSurroundings = {
    cgroups,
    cores,
    hostIp: flags.nodeIp,
    stateFolder: options.stateFolder,
    logFolder: options.logFolder,
    services: () => [...services.values()],
    backOff: options.backOff ?? { firstMs: 10_000, mostMs: 300_000 },
  };

  const sync = (): void => {
    // As kubelet: no container starts before the Services are known, for its environment tells them.
    if (!knowsPods || !knowsServices) return;
    proxy?.update([...services.values()], [...pods.values()]);
    const mine = [...pods.values()].filter((pod) => pod.spec?.nodeName === flags.nodeName);
    for (const pod of mine) {
      const uid = pod.metadata?.uid ?? '';
      const worker = workers.get(uid);
      if (worker) worker.update(pod);
      else if (!isOver(pod)) {
        const added = new PodWorker(pod, api, around, log);
        workers.set(uid, added);
        added.tick(Date.now());
      }
    }
    const present = new Set(mine.map((pod) => pod.metadata?.uid));
    for (const [uid, worker] of workers) if (!present.has(uid)) worker.orphan();
  };
  const tick = (): void => {
    const now = Date.now();
    for (const [uid, worker] of workers) {
      worker.tick(now);
      const isThere = [...pods.values()].some((pod) => pod.metadata?.uid === uid);
      if (worker.done && !isThere) workers.delete(uid);
    }
    if (!knowsPods) return;
    // Left by a kubelet that ended while its pods were being deleted.
    for (const uid of cgroups.pods()) if (!workers.has(uid)) cgroups.remove(uid);
  };

  const node = new NodeObject(api, flags, cores, log);
  node.start();
  const timer = setInterval(tick, tickMs);
  const following = [
    follow<Pod>(api, '/api/v1/pods', pods, log, () => {
      knowsPods = true;
      sync();
    }),
    follow<Service>(api, '/api/v1/services', services, log, () => {
      knowsServices = true;
      sync();
    }),
  ];
  return {
    close() {
      clearInterval(timer);
      node.close();
      for (const one of following) one.close();
      for (const worker of workers.values()) worker.close();
    },
  };
}

/** A pod that has run to its end is not started again. */
const isOver = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

type Named = { metadata?: { namespace?: string; name?: string } };
function follow<T extends Named>(api: Api, path: string, into: Map<string, T>, log: Log, changed: () => void): { close(): void } {
  const key = ({ metadata }: T): string => `${metadata?.namespace}/${metadata?.name}`;
  return api.follow<T>(
    path,
    {
      onAll(items) {
        into.clear();
        for (const item of items) into.set(key(item), item);
        changed();
      },
      onEvent(type, item) {
        if (type === 'DELETED') into.delete(key(item));
        else into.set(key(item), item);
        changed();
      },
    },
    log,
  );
}
