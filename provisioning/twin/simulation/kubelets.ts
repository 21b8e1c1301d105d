import type { Clock } from '../../../agents/clock.ts';
import type { Log } from '../../../agents/config.ts';
import { type SimulatedPod, workloadOf } from './workload.ts';
import type { SimulatedNode, World } from './world.ts';

/** What simulated kubelets need of the API of their cluster. */
export interface KubeletApi {
  createNode(node: object): Promise<void>;
  patchNodeStatus(name: string, status: object): Promise<void>;
  /** Creates or renews the node's Lease. @param renewTime ms since the epoch */
  renewLease(name: string, renewTime: number): Promise<void>;
  /** Gives every pod there is, then every change. */
  watchPods(deliver: (type: 'ADDED' | 'MODIFIED' | 'DELETED', pod: SimulatedPod) => void): { close(): void };
  patchPodStatus(namespace: string, name: string, status: object): Promise<void>;
  /** Takes a pod that has ended out of the API. */
  removePod(namespace: string, name: string): Promise<void>;
}

export interface KubeletNode {
  node: SimulatedNode;
  address: string;
  labels: Record<string, string>;
  taints: { key: string; value?: string; effect: string }[];
}

/** Times of what a node does with a pod, ms of the twin's clock. */
const pullMs = 900;
const startMs = 300;
const readyMs = 300;
const endMs = 500;
const resizeMs = 200;
/** As kubelet's defaults. */
const leaseMs = 10_000;
export const simulatedVersion = 'v1.36.2-twin';

interface PodState {
  pod: SimulatedPod;
  startedAt: number;
  restart: number;
  stage: 'new' | 'creating' | 'running' | 'ready' | 'ending';
}

/** The kubelets of a simulated cluster: nodes register and stay Ready while they are up; pods are pulled, started, and ended. */
export class SimulatedKubelets {
  readonly #api: KubeletApi;
  readonly #world: World;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #nodes: Map<string, KubeletNode>;
  readonly #down = new Set<string>();
  /** Cut off from the API: they go on, and cannot tell. */
  readonly #cutOff = new Set<string>();
  readonly #images = new Map<string, Set<string>>();
  readonly #pods = new Map<string, PodState>();
  readonly #owned: { close(): void }[] = [];

  constructor(options: { api: KubeletApi; world: World; clock: Clock; log: Log; nodes: KubeletNode[] }) {
    this.#api = options.api;
    this.#world = options.world;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#nodes = new Map(options.nodes.map((node) => [node.node.name, node]));
  }

  async start(): Promise<void> {
    for (const node of this.#nodes.values()) {
      await this.#api.createNode(nodeObject(node));
      await this.#tellNode(node);
    }
    this.#owned.push(
      this.#clock.every(leaseMs, () => this.#renewAll()),
      this.#api.watchPods((type, pod) => this.#onPod(type, pod)),
    );
  }

  stop(): void {
    for (const one of this.#owned) one.close();
  }

  /** A node that is down says nothing any more and its work stands still; it comes back with what it had. */
  setNode(name: string, state: 'up' | 'down'): void {
    const node = this.#nodes.get(name);
    if (!node) throw new RangeError(`there is no simulated node "${name}"`);
    if (state === 'down') this.#down.add(name);
    else this.#down.delete(name);
    for (const { pod, stage } of this.#pods.values()) {
      if (pod.spec?.nodeName !== name) continue;
      if (state === 'down') this.#world.remove(pod.metadata?.uid ?? '');
      else if (stage === 'running' || stage === 'ready') this.#world.put(workloadOf(pod, stage === 'ready'));
    }
    if (state === 'up' && !this.#cutOff.has(name)) {
      void this.#attempt(this.#tellNode(node));
      for (const held of this.#pods.values()) if (held.pod.spec?.nodeName === name) this.#drive(held);
    }
  }

  /** A node that is cut off goes on with what it has; the API hears nothing of it until it is back. */
  setReachable(name: string, reachable: boolean): void {
    const node = this.#nodes.get(name);
    if (!node) throw new RangeError(`there is no simulated node "${name}"`);
    if (!reachable) {
      this.#cutOff.add(name);
      return;
    }
    if (!this.#cutOff.delete(name) || this.#down.has(name)) return;
    void this.#attempt(this.#tellNode(node));
    for (const held of this.#pods.values()) {
      if (held.pod.spec?.nodeName !== name) continue;
      this.#drive(held);
      void this.#tellPod(held);
    }
  }

  isUp(name: string): boolean {
    return !this.#down.has(name);
  }

  #onPod(type: 'ADDED' | 'MODIFIED' | 'DELETED', pod: SimulatedPod): void {
    const uid = pod.metadata?.uid ?? '';
    const node = pod.spec?.nodeName;
    if (!node || !this.#nodes.has(node)) return;
    if (type === 'DELETED') {
      this.#pods.delete(uid);
      this.#world.remove(uid);
      return;
    }
    const held = this.#pods.get(uid) ?? { pod, startedAt: this.#clock.now(), restart: 0, stage: 'new' as const };
    const isResized = resourcesText(held.pod) !== resourcesText(pod);
    held.pod = pod;
    this.#pods.set(uid, held);
    this.#drive(held);
    if (isResized) this.#resize(held);
  }

  /** Does what comes next with a pod, if its node is up. */
  #drive(held: PodState): void {
    const { pod } = held;
    if (this.#isSilent(pod.spec?.nodeName ?? '')) return;
    if (pod.metadata?.deletionTimestamp) {
      if (held.stage === 'ending') return;
      held.stage = 'ending';
      this.#world.put(workloadOf(pod, false));
      void this.#tellPod(held);
      this.#later(held, endMs, 'ending', () => {
        this.#world.remove(pod.metadata?.uid ?? '');
        void this.#attempt(this.#api.removePod(pod.metadata?.namespace ?? '', pod.metadata?.name ?? ''));
      });
      return;
    }
    if (held.stage !== 'new') return;
    held.stage = 'creating';
    void this.#tellPod(held);
    this.#later(held, this.#pullTime(pod) + startMs, 'creating', () => {
      held.stage = 'running';
      this.#world.put(workloadOf(held.pod, false));
      void this.#tellPod(held);
      this.#later(held, readyMs, 'running', () => {
        held.stage = 'ready';
        this.#world.put(workloadOf(held.pod, true));
        void this.#tellPod(held);
      });
    });
  }

  /** Other resources for a pod that runs, without a restart; one that is not yet up starts with them. */
  #resize(held: PodState): void {
    if (held.stage !== 'running' && held.stage !== 'ready') return;
    this.#clock.after(resizeMs, () => {
      if (held.stage !== 'running' && held.stage !== 'ready') return;
      if (this.#down.has(held.pod.spec?.nodeName ?? '')) return;
      this.#world.put(workloadOf(held.pod, held.stage === 'ready'));
      void this.#tellPod(held);
    });
  }

  /** Runs `next` after a time, unless the pod has gone on otherwise meanwhile; waits for a node that is down. */
  #later(held: PodState, delayMs: number, stage: PodState['stage'], next: () => void): void {
    this.#clock.after(delayMs, () => {
      if (held.stage !== stage || !this.#pods.has(held.pod.metadata?.uid ?? '')) return;
      if (this.#isSilent(held.pod.spec?.nodeName ?? '')) this.#later(held, 1000, stage, next);
      else next();
    });
  }

  #isSilent(name: string): boolean {
    return this.#down.has(name) || this.#cutOff.has(name);
  }

  /** An image is pulled once a node. */
  #pullTime(pod: SimulatedPod): number {
    const node = pod.spec?.nodeName ?? '';
    const present = this.#images.get(node) ?? new Set();
    this.#images.set(node, present);
    const missing = (pod.spec?.containers ?? []).map(({ image = '' }) => image).filter((image) => !present.has(image));
    for (const image of missing) present.add(image);
    return missing.length > 0 ? pullMs : 0;
  }

  async #renewAll(): Promise<void> {
    for (const name of this.#nodes.keys())
      if (!this.#isSilent(name)) await this.#attempt(this.#api.renewLease(name, this.#clock.now()));
  }

  async #tellNode(node: KubeletNode): Promise<void> {
    await this.#api.patchNodeStatus(node.node.name, nodeStatus(node, this.#clock.now()));
    await this.#api.renewLease(node.node.name, this.#clock.now());
  }

  #tellPod(held: PodState): Promise<void> {
    if (this.#isSilent(held.pod.spec?.nodeName ?? '')) return Promise.resolve();
    const { namespace = '', name = '' } = held.pod.metadata ?? {};
    const address = this.#nodes.get(held.pod.spec?.nodeName ?? '')?.address ?? '';
    return this.#attempt(this.#api.patchPodStatus(namespace, name, podStatus(held, address, this.#clock.now())));
  }

  async #attempt(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      // Pods come and go: what was just deleted cannot be told of any more.
      this.#log('warn', 'a simulated kubelet could not tell the API', { error: String(error) });
    }
  }
}

const resourcesText = ({ spec }: SimulatedPod): string => JSON.stringify(spec?.containers?.map(({ resources }) => resources));
const timeText = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

function nodeObject({ node, labels, taints }: KubeletNode): object {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      labels: {
        'kubernetes.io/hostname': node.name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': node.architecture ?? 'amd64',
        ...labels,
      },
    },
    spec: { ...(taints.length > 0 && { taints }) },
  };
}

function nodeStatus({ node, address }: KubeletNode, now: number): object {
  const capacity = { cpu: String(node.cores), memory: `${Math.floor(node.memoryBytes / 1024)}Ki`, pods: '110' };
  const times = { lastHeartbeatTime: timeText(now), lastTransitionTime: timeText(now) };
  return {
    capacity,
    allocatable: capacity,
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: node.name },
    ],
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'the simulated kubelet is ready', ...times }],
    nodeInfo: {
      architecture: node.architecture ?? 'amd64',
      operatingSystem: 'linux',
      osImage: 'simulated',
      kernelVersion: 'simulated',
      containerRuntimeVersion: 'simulated://',
      kubeletVersion: simulatedVersion,
      kubeProxyVersion: '',
      bootID: '',
      machineID: '',
      systemUUID: '',
    },
  };
}

function podStatus({ pod, stage, startedAt }: PodState, address: string, now: number): object {
  const isReady = stage === 'ready';
  const isRunning = stage === 'running' || isReady || stage === 'ending';
  const lastTransitionTime = timeText(now);
  const condition = (type: string, isTrue: boolean) => ({ type, status: isTrue ? 'True' : 'False', lastTransitionTime });
  return {
    phase: isRunning ? 'Running' : 'Pending',
    hostIP: address,
    podIP: address,
    podIPs: [{ ip: address }],
    startTime: timeText(startedAt),
    conditions: [
      condition('PodScheduled', true),
      condition('Initialized', true),
      condition('ContainersReady', isReady),
      condition('Ready', isReady),
    ],
    containerStatuses: (pod.spec?.containers ?? []).map(({ name, image, resources }) => ({
      name,
      image,
      imageID: image,
      ready: isReady,
      started: isRunning,
      restartCount: 0,
      lastState: {},
      // What the container has been given: as kubelet tells it since pods can be resized.
      resources: resources ?? {},
      state: isRunning ? { running: { startedAt: timeText(startedAt) } } : { waiting: { reason: 'ContainerCreating' } },
    })),
  };
}
