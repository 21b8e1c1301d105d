import { CoreV1Api, CustomObjectsApi, KubeConfig, VersionApi } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Subscription } from '../../agents/bus/bus.ts';

export interface NodeState {
  name: string;
  cluster: string;
  ready: boolean;
  /** Of the kubelet, e.g. "v1.36.2". */
  version: string;
  cores: number | null;
  memoryBytes: number | null;
}
export interface MemberState {
  name: string;
  ready: boolean;
}

/** What the APIs say: null until they have. `versions` by cluster, "karmada" among them. */
export interface ClusterStateValue {
  nodes: NodeState[] | null;
  members: MemberState[] | null;
  versions: Record<string, string>;
  /** One sentence each for APIs that do not answer. */
  problems: string[];
}

/** Text of a kubeconfig whose server can be reached from here, and where it is taken apart again. */
export interface Reach {
  kubeconfig: string;
  /** Where to connect to instead, when the server's own address cannot be reached from here; its name is still checked. */
  through?: { port: number };
}

const pollMs = 5000;
const requestMs = 10_000;

const memberListSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) }).prefault({}),
    }),
  ),
});

/** Nodes, members and versions as the Kubernetes APIs tell them; asked each 5 s while somebody watches. */
export class ClusterState {
  readonly #clusters: readonly string[];
  readonly #reach: (cluster: string) => Promise<Reach>;
  readonly #onChange: () => void;
  readonly #onIdle: () => void;
  #value: ClusterStateValue = { nodes: null, members: null, versions: {}, problems: [] };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: Promise<void> | null = null;
  /** How often each who watches wants to be told, ms. */
  readonly #watchers: number[] = [];

  /** `clusters` are the Kubernetes clusters; Karmada is asked as "karmada". `reach` may fail: it is tried again at the next poll. */
  constructor(options: {
    clusters: readonly string[];
    reach(cluster: string): Promise<Reach>;
    onChange(): void;
    /** Called when nobody asks any more: ways to the APIs may be given up. */
    onIdle?(): void;
  }) {
    this.#clusters = options.clusters;
    this.#reach = options.reach;
    this.#onChange = options.onChange;
    this.#onIdle = options.onIdle ?? (() => {});
  }

  get value(): ClusterStateValue {
    return this.#value;
  }

  /** Asks again and again, at least each `everyMs`, until everybody who watches has closed. */
  watch(everyMs = pollMs): Subscription {
    const soonest = Math.min(...this.#watchers);
    this.#watchers.push(everyMs);
    if (everyMs < soonest) void this.#poll();
    let watching = true;
    return {
      close: () => {
        if (!watching) return;
        watching = false;
        this.#watchers.splice(this.#watchers.indexOf(everyMs), 1);
        if (this.#watchers.length > 0) return;
        clearTimeout(this.#timer);
        if (!this.#asking) this.#onIdle();
      },
    };
  }

  /** Asks now and waits for the answers; what does not answer is among the problems. */
  refresh(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
      if (this.#watchers.length === 0) this.#onIdle();
    });
    return this.#asking;
  }

  /** Asks one API something else, once. @throws what reaching or asking it throws */
  async ask<T>(cluster: string, question: (config: KubeConfig) => Promise<T>): Promise<T> {
    try {
      return await timed(question(configFor(await this.#reach(cluster))));
    } finally {
      if (this.#watchers.length === 0 && !this.#asking) this.#onIdle();
    }
  }

  async #poll(): Promise<void> {
    clearTimeout(this.#timer);
    await this.refresh();
    clearTimeout(this.#timer);
    if (this.#watchers.length > 0) this.#timer = setTimeout(() => void this.#poll(), Math.min(...this.#watchers));
  }

  async #ask(): Promise<void> {
    const problems: string[] = [];
    const versions: Record<string, string> = {};
    const attempt = async <T>(cluster: string, ask: (config: KubeConfig) => Promise<T>): Promise<T | null> => {
      try {
        const config = configFor(await this.#reach(cluster));
        versions[cluster] = (await timed(config.makeApiClient(VersionApi).getCode())).gitVersion;
        return await timed(ask(config));
      } catch (error) {
        problems.push(`${cluster}: ${error instanceof Error ? error.message : String(error)}`);
        return null;
      }
    };
    const [members, ...nodes] = await Promise.all([
      attempt('karmada', listMembers),
      ...this.#clusters.map((cluster) => attempt(cluster, (config) => listNodes(cluster, config))),
    ]);
    const before = JSON.stringify(this.#value);
    this.#value = {
      // A cluster that does not answer tells nothing of its nodes.
      nodes: nodes.every((list) => list === null) ? null : nodes.flatMap((list) => list ?? []),
      members: members ?? null,
      versions,
      problems,
    };
    if (JSON.stringify(this.#value) !== before) this.#onChange();
  }
}

/** @throws Error when the text is no kubeconfig */
export function configFor({ kubeconfig, through }: Reach): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  if (through) {
    config.clusters = config.clusters.map((cluster) => {
      const { protocol, hostname } = new URL(cluster.server);
      return { ...cluster, server: `${protocol}//127.0.0.1:${through.port}`, tlsServerName: cluster.tlsServerName ?? hostname };
    });
  }
  return config;
}

async function listNodes(cluster: string, config: KubeConfig): Promise<NodeState[]> {
  const { items } = await config.makeApiClient(CoreV1Api).listNode();
  return items.map((node) => ({
    name: node.metadata?.name ?? '',
    cluster,
    ready: node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    version: node.status?.nodeInfo?.kubeletVersion ?? '',
    cores: quantity(node.status?.capacity?.cpu),
    memoryBytes: quantity(node.status?.capacity?.memory),
  }));
}

async function listMembers(config: KubeConfig): Promise<MemberState[]> {
  const list: unknown = await config.makeApiClient(CustomObjectsApi).listClusterCustomObject({
    group: 'cluster.karmada.io',
    version: 'v1alpha1',
    plural: 'clusters',
  });
  return memberListSchema.parse(list).items.map(({ metadata, status }) => ({
    name: metadata.name,
    ready: status.conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
  }));
}

const factors: Record<string, number> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** A Kubernetes quantity ("4", "500m", "6291456Ki") as a number; null for anything else. */
export function quantity(text: string | undefined): number | null {
  const match = /^(\d+(?:\.\d+)?)(m|k|M|G|Ki|Mi|Gi|Ti)?$/.exec(text ?? '');
  return match ? Number(match[1]) * (factors[match[2] ?? ''] ?? 1) : null;
}

function timed<T>(asking: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${requestMs / 1000} s`)), requestMs);
  });
  return Promise.race([asking, late]).finally(() => clearTimeout(timer));
}
