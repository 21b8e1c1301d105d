import { type CameraRole, camera, cameraDemand, frameLatencyMs, slowdown } from './camera.ts';
import { PeopleInView } from './people.ts';
import { dynamicPowerW, type PowerModel } from './power.ts';
import { gaussian, type Random, seededRandom } from './random.ts';

export interface SimulatedNode {
  name: string;
  cores: number;
  ghz: number;
  memoryBytes: number;
  power: PowerModel;
  /** Share of the node that its own services use, 0–1. */
  background: number;
}

/** What a pod does, as far as the physics go. */
export interface Workload {
  uid: string;
  node: string;
  application: string;
  component: string;
  /** Part of a smart-camera pipeline, or undefined for a steady consumer. */
  role?: CameraRole;
  /** Cores it uses when it is steady. */
  cores: number;
  memoryBytes: number;
  /** Takes traffic: ready and not ending. */
  serving: boolean;
}

interface Pipeline {
  people: PeopleInView | null;
  now: number;
  latencyMs: number | null;
  frames: number;
  dropped: number;
}

/** Round trip between two nodes of a cluster, ms, and what a link carries, bytes/s. */
export interface Link {
  rttMs: number;
  bytesPerSecond: number;
}
const lan: Link = { rttMs: 0.4, bytesPerSecond: 125_000_000 };

/** The load average follows the load over about this long, as Linux' does. */
const loadTimeS = 60;

/**
 * Physics of the simulated hosts: demand, sharing of processors, power, traffic, latency. It decides nothing. Nodes are columns of
 * numbers, so that a step over ten thousand of them is a few flat loops.
 */
export class World {
  readonly names: string[];
  readonly #index: Map<string, number>;
  readonly #nodes: readonly SimulatedNode[];
  readonly #cores: Float64Array;
  readonly #ghz: Float64Array;
  readonly #background: Float64Array;
  readonly #wander: Float64Array;
  readonly #memoryIdle: Float64Array;
  readonly #wattsPerLoad: Float64Array;
  readonly #wattsIdle: Float64Array;
  /** Demand in cores of that node; above the number of cores when there is too much. */
  readonly demand: Float64Array;
  readonly used: Float64Array;
  readonly load1m: Float64Array;
  readonly memoryUsed: Float64Array;
  readonly received: Float64Array;
  readonly sent: Float64Array;
  readonly powerW: Float64Array;
  readonly #workloads = new Map<string, Workload>();
  readonly #demandOf = new Map<string, number>();
  /** Workloads that traffic goes to now. */
  #working = new Set<string>();
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #random: Random;
  readonly #seed: number;
  readonly #link: Link;
  #fixedPeople: number | null = null;

  constructor(nodes: readonly SimulatedNode[], seed: number, link: Link = lan) {
    const count = nodes.length;
    const column = (value: (node: SimulatedNode) => number) => Float64Array.from(nodes, value);
    this.#nodes = nodes;
    this.names = nodes.map(({ name }) => name);
    this.#index = new Map(this.names.map((name, index) => [name, index]));
    this.#seed = seed;
    this.#random = seededRandom(seed);
    this.#link = link;
    this.#cores = column(({ cores }) => cores);
    this.#ghz = column(({ ghz }) => ghz);
    this.#background = column(({ background }) => background);
    this.#wattsPerLoad = column(({ power, ghz }) => dynamicPowerW(power, ghz));
    this.#wattsIdle = column(({ power }) => power.b);
    this.#wander = new Float64Array(count);
    this.demand = new Float64Array(count);
    this.used = column(({ background }) => background);
    this.load1m = column(({ background, cores }) => background * cores);
    this.#memoryIdle = column(({ memoryBytes }) => 0.15 * memoryBytes);
    this.memoryUsed = this.#memoryIdle.slice();
    this.received = new Float64Array(count);
    this.sent = new Float64Array(count);
    this.powerW = column(({ power, ghz, background }) => dynamicPowerW(power, ghz) * background + power.b);
  }

  indexOf(node: string): number {
    const index = this.#index.get(node);
    if (index === undefined) throw new RangeError(`there is no simulated node "${node}"`);
    return index;
  }

  node(name: string): SimulatedNode {
    return this.#nodes[this.indexOf(name)]!;
  }

  /** Sets the frequency of a node's processors, GHz: work takes longer at a lower one, and power is what its model gives. @throws RangeError */
  setFrequency(node: string, ghz: number): void {
    if (!(ghz > 0)) throw new RangeError(`a frequency is more than 0, not ${ghz}`);
    const at = this.indexOf(node);
    this.#ghz[at] = ghz;
    this.#wattsPerLoad[at] = dynamicPowerW(this.#nodes[at]!.power, ghz);
  }

  /** GHz, now; `node(name).ghz` is the highest. */
  frequencyOf(node: string): number {
    return this.#ghz[this.indexOf(node)]!;
  }

  /** A workload appears, changes, or moves. @throws RangeError for an unknown node. */
  put(workload: Workload): void {
    this.indexOf(workload.node);
    this.#workloads.set(workload.uid, workload);
  }

  remove(uid: string): void {
    this.#workloads.delete(uid);
    this.#demandOf.delete(uid);
  }

  workloadsOn(node: string): Workload[] {
    return [...this.#workloads.values()].filter((workload) => workload.node === node);
  }

  /** Cores that a workload gets now. */
  coresOf(uid: string): number {
    const workload = this.#workloads.get(uid);
    if (!workload) return 0;
    const at = this.indexOf(workload.node);
    const share = Math.min(1, this.#cores[at]! / Math.max(this.demand[at]!, 1e-9));
    return (this.#demandOf.get(uid) ?? 0) * share;
  }

  pipeline(
    application: string,
  ): Readonly<{ people: number; latencyMs: number | null; frames: number; dropped: number }> | undefined {
    const found = this.#pipelines.get(application);
    return found && { people: found.now, latencyMs: found.latencyMs, frames: found.frames, dropped: found.dropped };
  }

  /** Whether traffic goes to this workload rather than to another of the same role. */
  isWorking(uid: string): boolean {
    return this.#working.has(uid);
  }

  /** Puts so many people before every camera; null gives them back to chance. */
  setPeople(people: number | null): void {
    this.#fixedPeople = people;
    for (const pipeline of this.#pipelines.values()) pipeline.people?.fix(people);
  }

  /** Moves the world on by `dtS` seconds to `now` (ms since the epoch). */
  step(now: number, dtS: number): void {
    this.demand.fill(0);
    this.received.fill(0);
    this.sent.fill(0);
    this.memoryUsed.set(this.#memoryIdle);
    const serving = this.#demands(now);
    this.#hosts(dtS);
    for (const [application, roles] of serving) this.#frames(application, roles, dtS);
  }

  /** Demand of every workload on its node; gives the serving parts of each pipeline. */
  #demands(now: number): Map<string, Partial<Record<CameraRole, Workload>>> {
    const serving = new Map<string, Partial<Record<CameraRole, Workload>>>();
    for (const workload of this.#workloads.values()) {
      if (!workload.role) continue;
      const roles = serving.get(workload.application) ?? {};
      // Of two that serve, traffic goes to the newer: the older is about to end.
      if (workload.serving) roles[workload.role] = workload;
      serving.set(workload.application, roles);
    }
    this.#working = new Set([...serving.values()].flatMap((roles) => Object.values(roles).map(({ uid }) => uid)));
    for (const [application, roles] of serving) this.#people(application, roles, now);
    for (const workload of this.#workloads.values()) {
      const at = this.indexOf(workload.node);
      const speed = this.#ghz[at]! / camera.referenceGHz;
      const people = this.#pipelines.get(workload.application)?.now ?? 0;
      const cores = workload.role
        ? this.#working.has(workload.uid)
          ? cameraDemand[workload.role](people) / speed
          : 0.01
        : workload.cores;
      this.#demandOf.set(workload.uid, cores);
      this.demand[at]! += cores;
      this.memoryUsed[at]! += workload.memoryBytes;
    }
    for (const application of this.#pipelines.keys()) if (!serving.has(application)) this.#pipelines.delete(application);
    return serving;
  }

  #people(application: string, roles: Partial<Record<CameraRole, Workload>>, now: number): void {
    const pipeline = this.#pipelines.get(application) ?? { people: null, now: 0, latencyMs: null, frames: 0, dropped: 0 };
    this.#pipelines.set(application, pipeline);
    // The scenario begins once the whole pipeline works.
    if (!pipeline.people && roles.camera && roles.detector && roles.classifier) {
      pipeline.people = new PeopleInView(seededRandom(this.#seed ^ hash(application)), now);
      pipeline.people.fix(this.#fixedPeople);
    }
    pipeline.now = roles.camera ? (pipeline.people?.at(now) ?? this.#fixedPeople ?? 1) : 0;
  }

  #hosts(dtS: number): void {
    const keep = Math.exp(-dtS / 20);
    const shake = 0.01 * Math.sqrt(1 - keep * keep);
    const follow = 1 - Math.exp(-dtS / loadTimeS);
    for (let i = 0; i < this.#nodes.length; i++) {
      const wander = keep * this.#wander[i]! + shake * gaussian(this.#random);
      this.#wander[i] = wander;
      const cores = this.#cores[i]!;
      // Its own services were measured at the highest frequency.
      const own = ((Math.max(0, this.#background[i]! + wander) * this.#nodes[i]!.ghz) / this.#ghz[i]!) * cores;
      const demand = this.demand[i]! + own;
      this.demand[i] = demand;
      const used = Math.min(1, demand / cores);
      this.used[i] = used;
      this.load1m[i]! += (demand - this.load1m[i]!) * follow;
      this.powerW[i] = this.#wattsPerLoad[i]! * used + this.#wattsIdle[i]!;
    }
  }

  #frames(application: string, roles: Partial<Record<CameraRole, Workload>>, dtS: number): void {
    const pipeline = this.#pipelines.get(application);
    const { camera: source, detector, classifier } = roles;
    if (!pipeline || !source) return;
    const frames = camera.framesPerSecond * dtS;
    if (!detector || !classifier) {
      pipeline.dropped += frames;
      pipeline.latencyMs = null;
      return;
    }
    const crops = pipeline.now * camera.cropBytes;
    const linksMs =
      this.#carry(source.node, detector.node, camera.frameBytes) + this.#carry(detector.node, classifier.node, crops);
    const at = this.indexOf(classifier.node);
    const cores = this.#cores[at]!;
    const own = (this.#demandOf.get(classifier.uid) ?? 0) / cores;
    const others = Math.max(0, this.demand[at]! / cores - own);
    const exact = frameLatencyMs(pipeline.now, this.#ghz[at]!, slowdown(others, own), linksMs);
    pipeline.latencyMs = Math.max(1, exact + camera.noiseMs * gaussian(this.#random));
    // A frame that takes longer than the time between two of them makes another one be lost.
    const kept = Math.min(1, 2000 / camera.framesPerSecond / exact);
    pipeline.frames += frames * kept;
    pipeline.dropped += frames * (1 - kept);
  }

  /** Time of one message between two nodes, ms; what it weighs counts on both ends. */
  #carry(from: string, to: string, bytes: number): number {
    if (from === to) return 0;
    const perSecond = bytes * camera.framesPerSecond;
    this.sent[this.indexOf(from)]! += perSecond;
    this.received[this.indexOf(to)]! += perSecond;
    return this.#link.rttMs + (bytes / this.#link.bytesPerSecond) * 1000;
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}
