import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Api, ApiError } from './api.ts';
import { ContainerProcess, type ContainerSurroundings } from './container.ts';
import { Readiness } from './probe.ts';
import { podStatus } from './status.ts';
import type { Log, Pod } from './types.ts';

/** Keeps one pod of this host as it should be, and the API informed of how it is. */
export class PodWorker {
  #pod: Pod;
  readonly #api: Api;
  readonly #around: ContainerSurroundings;
  readonly #log: Log;
  readonly #containers: { process: ContainerProcess; readiness: Readiness; image: string }[];
  readonly #startedAt: number;
  #killAt = 0;
  #isOrphan = false;
  #published = '';
  #publishedStatus: Pod['status'];
  #publishing = false;
  #told = '';
  done = false;

  constructor(pod: Pod, api: Api, around: ContainerSurroundings, log: Log) {
    this.#pod = pod;
    this.#api = api;
    this.#around = around;
    this.#log = log;
    this.#publishedStatus = pod.status;
    this.#startedAt = pod.status?.startTime ? Date.parse(pod.status.startTime) : Date.now();
    const again = () => this.tick(Date.now());
    this.#containers = (pod.spec?.containers ?? []).map((container) => ({
      process: new ContainerProcess(pod, container, around, again),
      readiness: new Readiness(container, around.hostIp, again),
      image: container.image ?? '',
    }));
  }

  get uid(): string {
    return this.#pod.metadata?.uid ?? '';
  }

  update(pod: Pod): void {
    this.#pod = pod;
    this.tick(Date.now());
  }

  /** The API does not have it any more: what runs of it ends at once. */
  orphan(): void {
    this.#isOrphan = true;
    this.tick(Date.now());
  }

  /** Lets go of the pod, which runs on. */
  close(): void {
    this.done = true;
  }

  tick(now: number): void {
    if (this.done) return;
    if (this.#isOrphan || this.#pod.metadata?.deletionTimestamp) {
      this.#end(now);
      return;
    }
    if (!this.#knowsServices()) return;
    for (const { process, readiness } of this.#containers) {
      process.tick(now, this.#pod.spec?.restartPolicy ?? 'Always');
      readiness.tick(process.state.kind === 'running' ? process.state : undefined, now);
    }
    this.#publish(now);
    this.#tellTrouble();
  }

  /** A Service has its address a moment after it was made; a container that starts in between would never learn it. */
  #knowsServices(): boolean {
    return this.#around
      .services()
      .every(
        ({ metadata, spec }) =>
          metadata?.namespace !== this.#pod.metadata?.namespace || spec?.type === 'ExternalName' || spec?.clusterIP,
      );
  }

  #end(now: number): void {
    if (this.#killAt === 0) {
      const graceS = this.#pod.metadata?.deletionGracePeriodSeconds ?? this.#pod.spec?.terminationGracePeriodSeconds ?? 30;
      this.#killAt = this.#isOrphan ? now : now + graceS * 1000;
      for (const { process } of this.#containers) process.signal('SIGTERM');
    }
    if (!this.#containers.every(({ process }) => process.isGone())) {
      for (const { readiness } of this.#containers) readiness.ready = false;
      if (now >= this.#killAt) for (const { process } of this.#containers) process.signal('SIGKILL');
      this.#publish(now);
      return;
    }
    if (!this.#around.cgroups.remove(this.uid)) return;
    this.done = true;
    rmSync(join(this.#around.stateFolder, 'pods', this.uid), { recursive: true, force: true });
    if (!this.#isOrphan) void this.#removeFromApi();
  }

  async #removeFromApi(): Promise<void> {
    try {
      await this.#api.call('DELETE', this.#path, { gracePeriodSeconds: 0, preconditions: { uid: this.uid } });
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
      this.#log(`${this.#name}: not removed yet: ${error instanceof Error ? error.message : error}`);
      // The process is gone; only the API has to hear of it.
      setTimeout(() => void this.#removeFromApi(), 1000).unref();
    }
  }

  get #name(): string {
    return `${this.#pod.metadata?.namespace}/${this.#pod.metadata?.name}`;
  }

  get #path(): string {
    return `/api/v1/namespaces/${this.#pod.metadata?.namespace}/pods/${this.#pod.metadata?.name}`;
  }

  #publish(now: number): void {
    if (this.#publishing) return;
    const status = podStatus(
      this.#pod,
      this.#containers.map(({ process, readiness, image }) => ({ process, ready: readiness.ready, image })),
      { hostIp: this.#around.hostIp, startedAt: this.#startedAt, now, previous: this.#publishedStatus },
    );
    const text = JSON.stringify(status);
    if (text === this.#published) return;
    this.#publishing = true;
    void this.#api
      .patch(`${this.#path}/status`, { metadata: { uid: this.uid }, status })
      .then(() => {
        this.#published = text;
        this.#publishedStatus = status;
        this.#publishing = false;
        // What changed meanwhile was not published.
        this.tick(Date.now());
      })
      .catch((error: unknown) => {
        this.#log(`${this.#name}: status not told: ${error instanceof Error ? error.message : error}`);
        setTimeout(() => {
          this.#publishing = false;
        }, 1000).unref();
      });
  }

  /** Says once per trouble, as an Event of the pod, why a container does not run. */
  #tellTrouble(): void {
    const states = this.#containers.map(({ process }) => process.state);
    const trouble = states.find((state) => state.kind === 'waiting' && state.message !== undefined);
    if (trouble?.kind !== 'waiting' || trouble.reason === this.#told) return;
    this.#told = trouble.reason;
    this.#log(`${this.#name}: ${trouble.reason}: ${trouble.message}`);
    const { namespace, name, uid } = this.#pod.metadata ?? {};
    const at = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    void this.#api
      .call('POST', `/api/v1/namespaces/${namespace}/events`, {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: `${name}.${Date.now().toString(16)}`, namespace },
        involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
        type: 'Warning',
        reason: trouble.reason === 'CrashLoopBackOff' ? 'BackOff' : 'Failed',
        message: trouble.message,
        source: { component: 'kubelet', host: this.#pod.spec?.nodeName },
        firstTimestamp: at,
        lastTimestamp: at,
        count: 1,
      })
      .catch((error: unknown) => this.#log(`${this.#name}: event not told: ${error instanceof Error ? error.message : error}`));
  }
}
