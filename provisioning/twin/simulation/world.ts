import type { Behaviours, ToldKind } from './behaviour.ts';
import { camera } from './camera.ts';
import { Conditions } from './conditions.ts';
import { Engine } from './engine.ts';
import { behaviourOf, join, workingOf } from './join.ts';
import { Machines } from './machines.ts';
import { Network } from './network.ts';
import { PeopleInView } from './people.ts';
import type { SimulatedNode } from './processors.ts';
import { gaussianOf, hash, RandomStreams, randomAt, seededRandom } from './random.ts';
import { startWandering } from './wander.ts';
import type { Workload } from './workload.ts';

export type { SimulatedNode } from './processors.ts';
export type { Workload } from './workload.ts';

/** Round trip between two nodes of a cluster, ms, and what a link carries, bytes/s. */
export interface Link {
  rttMs: number;
  bytesPerSecond: number;
}
const lan: Link = { rttMs: 0.4, bytesPerSecond: 125_000_000 };

/** The nodes' places in a network, in their order. */
export interface Topology {
  network: Network;
  places: readonly number[];
}

/** Name of a metric, and its value. */
export type Reading = [metric: string, value: number];
export type Reader = (node: string) => Reading[];

/** What one sees of an application: its requests are frames where it is a camera's. */
export interface PipelineView {
  /** Items in each request: people in view of a camera. */
  people: number;
  latencyMs: number | null;
  frames: number;
  dropped: number;
}

/** Cores that a pod uses while traffic goes to another one. */
const restingCores = 0.01;
/** Readings of a latency are alike within this time, ms. */
const noiseStepMs = 100;
/** Of a latency that is short, its standard deviation as told is at most this share. */
const mostNoise = 0.1;
/** No latency is told as less, ms. */
const leastMs = 0.1;

interface Pipeline {
  name: string;
  id: number;
  people: PeopleInView | null;
  /** Node where its requests are made, or were last. */
  site: string | null;
  /** When people are due to change. */
  dueAt: number;
  /** Somebody makes requests. */
  hasSource: boolean;
  /** Its requests have items that come and go; otherwise each has one. */
  hasItems: boolean;
}

/**
 * The simulated hosts and what runs on them, by their names: the physics is the `Engine`'s. Nothing is decided here, and reading changes nothing.
 * Time begins with the first step.
 */
export class World {
  readonly names: string[];
  readonly machines: Machines;
  /** What befalls nodes and their links. */
  readonly conditions: Conditions;
  readonly #topology: Topology;
  readonly #index: Map<string, number>;
  readonly #seed: number;
  readonly #workloads = new Map<string, Workload>();
  /** Services of workloads, once time runs. */
  readonly #services = new Map<string, { id: number; isWorking: boolean; workload: Workload }>();
  readonly #byApplication = new Map<string, Map<string, Workload>>();
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #pipelineOf = new Map<number, Pipeline>();
  readonly #nameOf = new Map<number, string>();
  /** What devices of an application draw, W by node. */
  readonly #devices = new Map<string, ReadonlyMap<number, number>>();
  readonly #readers: Reader[] = [];
  readonly #waiting: ((engine: Engine) => void)[] = [];
  #engine: Engine | null = null;
  #behaviours: Behaviours = () => undefined;
  #peopleKind = 0;
  #fixedPeople: number | null = null;

  constructor(nodes: readonly SimulatedNode[], seed: number, network: Link | Topology = lan) {
    this.machines = new Machines(nodes);
    this.names = nodes.map(({ name }) => name);
    this.#index = new Map(this.names.map((name, index) => [name, index]));
    this.#seed = seed;
    this.#topology = 'network' in network ? network : star(nodes.length, network);
    this.conditions = new Conditions({
      machines: this.machines,
      ...this.#topology,
      indexOf: (node) => this.indexOf(node),
      onNode: (at) => this.changed(at),
      onLink: (at) => this.#engine?.changeLinkOf(at),
    });
  }

  /** Demand in cores of each node; above the number of cores when there is too much. */
  get demand(): Readonly<Float64Array> {
    return this.machines.demand;
  }
  get used(): Readonly<Float64Array> {
    return this.machines.used;
  }
  get memoryUsed(): Readonly<Float64Array> {
    return this.machines.memoryUsed;
  }
  get received(): Readonly<Float64Array> {
    return this.machines.received;
  }
  get sent(): Readonly<Float64Array> {
    return this.machines.sent;
  }
  get powerW(): Readonly<Float64Array> {
    return this.machines.powerW;
  }
  get network(): Network {
    return this.#topology.network;
  }
  get seed(): number {
    return this.#seed;
  }

  /** ms since the epoch; NaN before time begins. */
  get now(): number {
    return this.#engine?.now ?? Number.NaN;
  }

  /** Adds to what can be read of nodes beside what every node has. */
  addReader(reader: Reader): void {
    this.#readers.push(reader);
  }

  /** What surrounds a node: its battery, its place, … */
  readings(node: string): Reading[] {
    return this.#readers.flatMap((reader) => reader(node));
  }

  /** What a probe from one node to another sees now; null when nothing comes back. */
  probe(from: string, to: string): ReturnType<Network['probe']> {
    const { network, places } = this.#topology;
    const [start, end] = [this.indexOf(from), this.indexOf(to)];
    if (this.machines.up[start] === 0 || this.machines.up[end] === 0) return null;
    return network.probe(places[start]!, places[end]!);
  }

  indexOf(node: string): number {
    const index = this.#index.get(node);
    if (index === undefined) throw new RangeError(`there is no simulated node "${node}"`);
    return index;
  }

  node(name: string): SimulatedNode {
    return this.machines.specs[this.indexOf(name)]!;
  }

  /** Mean demand of about the last minute, cores. */
  load1m(node: string): number {
    return this.machines.load1m(this.indexOf(node), this.#engine?.now ?? Number.NaN);
  }

  /** Drawn since the beginning, J. */
  energyJ(node: string): number {
    return this.machines.energyJ(this.indexOf(node), this.#engine?.now ?? Number.NaN);
  }

  /** Sets the frequency of a node's processors, GHz: work takes longer at a lower one, and power is what its model gives. @throws RangeError */
  setFrequency(node: string, ghz: number): void {
    if (!(ghz > 0)) throw new RangeError(`a frequency is more than 0, not ${ghz}`);
    const at = this.indexOf(node);
    this.machines.wantedGHz[at] = ghz;
    this.machines.ghz[at] = this.machines.allowedGHz(at);
    this.changed(at);
  }

  /** GHz, now; `node(name).ghz` is the highest. */
  frequencyOf(node: string): number {
    return this.machines.ghz[this.indexOf(node)]!;
  }

  /** What components do that come from now on, where it is not told with them. */
  describe(behaviours: Behaviours): void {
    this.#behaviours = behaviours;
  }

  /** Follows a change of a node's columns in `machines`. */
  changed(at: number): void {
    this.machines.clocked(at);
    this.#engine?.changeNode(at);
  }

  /** Runs now, or when time begins: what needs the engine. */
  whenRunning(run: (engine: Engine) => void): void {
    if (this.#engine) run(this.#engine);
    else this.#waiting.push(run);
  }

  /** A workload appears, changes, or moves. @throws RangeError for an unknown node. */
  put(told: Workload): void {
    this.indexOf(told.node);
    const behaviour = told.behaviour ?? this.#behaviours(told.application, told.component);
    const workload = behaviour ? { ...told, behaviour } : told;
    const former = this.#workloads.get(workload.uid);
    if (former && former.application !== workload.application) this.remove(workload.uid);
    this.#workloads.set(workload.uid, workload);
    const own = this.#byApplication.get(workload.application) ?? new Map<string, Workload>();
    own.set(workload.uid, workload);
    this.#byApplication.set(workload.application, own);
    if (this.#engine) this.#compose(workload.application);
  }

  remove(uid: string): void {
    const workload = this.#workloads.get(uid);
    if (!workload) return;
    this.#workloads.delete(uid);
    const own = this.#byApplication.get(workload.application);
    own?.delete(uid);
    if (own?.size === 0) this.#byApplication.delete(workload.application);
    if (this.#engine) this.#compose(workload.application, uid);
  }

  workloadsOn(node: string): Workload[] {
    const at = this.indexOf(node);
    if (!this.#engine) return [...this.#workloads.values()].filter((workload) => workload.node === node);
    return this.#engine.servicesOn(at).flatMap((id) => this.#workloads.get(this.#nameOf.get(id) ?? '') ?? []);
  }

  /** Cores that a workload gets now. */
  coresOf(uid: string): number {
    const service = this.#services.get(uid);
    return service && this.#engine ? this.#engine.coresOf(service.id) : 0;
  }

  /** Who is where the cameras of a node look, whether these work or not, and whether somebody is about to come; a camera stands where it last worked. */
  near(node: string, withinMs: number): { inView: number; isApproached: boolean } {
    const { now } = this;
    const seen = [...this.#pipelines.values()].flatMap(({ people, site }) => (people && site === node ? [people] : []));
    return {
      inView: seen.reduce((sum, people) => sum + people.at(now), 0),
      isApproached: seen.some((people) => people.isApproached(now, withinMs)),
    };
  }

  /**
   * Share of time in which a workload is held back by its limit, 0–1; null without one. One that may use less than a core is held back whenever it works,
   * another one while it asks for all that it may use.
   */
  throttledOf(uid: string): number | null {
    const held = this.#services.get(uid);
    const limit = held?.workload.coresLimit;
    if (!held || limit === undefined || !this.#engine) return null;
    const share = Math.min(1, this.#engine.services.demandOf(held.id) / limit);
    return limit < 1 ? share : share > 0.999 ? 1 : 0;
  }

  pipeline(application: string): Readonly<PipelineView> | undefined {
    const pipeline = this.#pipelines.get(application);
    const engine = this.#engine;
    if (!pipeline || !engine) return undefined;
    const exact = pipeline.hasSource ? engine.latencyMs(pipeline.id) : null;
    const { served, lost } = engine.counts(pipeline.id);
    return {
      people: pipeline.hasSource ? engine.itemsOf(pipeline.id) : 0,
      latencyMs: exact === null ? null : this.#seen(exact, application),
      frames: served,
      dropped: lost,
    };
  }

  /** How long the classifier took for the last person, ms; null while there is nobody, or it serves nobody. */
  personMs(uid: string): number | null {
    return this.#told(uid, 'itemStay');
  }

  /** What a component tells of its own work now; what it cannot say now is left out. */
  toldBy(uid: string): Reading[] {
    const workload = this.#services.get(uid)?.workload;
    const tells = (workload && behaviourOf(workload)?.tells) ?? {};
    return Object.entries(tells).flatMap(([metric, kind]): Reading[] => {
      const value = this.#told(uid, kind);
      return value === null ? [] : [[metric, value]];
    });
  }

  #told(uid: string, kind: ToldKind): number | null {
    const held = this.#services.get(uid);
    const engine = this.#engine;
    const pipeline = this.#pipelines.get(held?.workload.application ?? '');
    if (!held?.isWorking || !pipeline || !engine) return null;
    switch (kind) {
      case 'items':
        return pipeline.hasSource ? engine.itemsOf(pipeline.id) : 0;
      case 'served':
        return Math.floor(engine.counts(pipeline.id).served);
      case 'lost':
        return Math.floor(engine.counts(pipeline.id).lost);
      case 'latency':
        return this.pipeline(held.workload.application)?.latencyMs ?? null;
      case 'stay': {
        const exact = engine.latencyMs(pipeline.id, held.id);
        return exact === null ? null : this.#seen(exact, uid);
      }
      case 'itemStay': {
        const items = engine.itemsOf(pipeline.id);
        const stayMs = items > 0 ? engine.latencyMs(pipeline.id, held.id) : null;
        if (stayMs === null) return null;
        // A logarithmic normal distribution with this mean.
        const { spread } = camera;
        return (stayMs / items) * Math.exp(spread * this.#noise(`${uid} alone`, engine.now) - spread ** 2 / 2);
      }
    }
  }

  /** A latency as it is told: a quantile over some requests. */
  #seen(exactMs: number, of: string): number {
    const noiseMs = Math.min(camera.noiseMs, mostNoise * exactMs);
    return Math.max(leastMs, exactMs + noiseMs * this.#noise(of, this.#engine!.now));
  }

  /** Whether traffic goes to this workload rather than to another of the same component. */
  isWorking(uid: string): boolean {
    return this.#services.get(uid)?.isWorking ?? false;
  }

  /** Puts so many people before every camera; null gives them back to chance. */
  setPeople(people: number | null): void {
    this.#fixedPeople = people;
    for (const pipeline of this.#pipelines.values()) {
      pipeline.people?.fix(people);
      this.#look(pipeline);
    }
  }

  /** Moves the world on to `now` (ms since the epoch), by `dtS` seconds; the first step says when time began. */
  step(now: number, dtS: number): void {
    this.#begin(now - 1000 * dtS).advance(now);
  }

  #begin(startAt: number): Engine {
    if (this.#engine) return this.#engine;
    const engine = new Engine({ machines: this.machines, ...this.#topology, startAt });
    this.#engine = engine;
    this.#peopleKind = engine.process((id, now) => {
      const pipeline = this.#pipelineOf.get(id);
      if (pipeline?.dueAt === now) this.#look(pipeline);
    });
    startWandering(engine, new RandomStreams(this.names.length, this.#seed));
    for (const application of this.#byApplication.keys()) this.#compose(application);
    for (let at = 0; at < this.machines.count; at++) if (this.machines.up[at] === 0) engine.changeNode(at);
    for (const run of this.#waiting.splice(0)) run(engine);
    return engine;
  }

  /** Makes the services of an application's workloads, and joins those that work. */
  #compose(application: string, ...gone: string[]): void {
    const engine = this.#engine!;
    const workloads = [...(this.#byApplication.get(application)?.values() ?? [])];
    const working = workingOf(workloads);
    const isPipeline = workloads.some((workload) => behaviourOf(workload) !== undefined);
    const outdated = gone.map((uid) => [uid, this.#services.get(uid)] as const);
    for (const workload of workloads) {
      const held = this.#services.get(workload.uid);
      const isWorking = working.has(workload);
      // A pod's service is made anew when it begins to work, ceases to, or has moved.
      if (held && held.isWorking === isWorking && held.workload.node === workload.node) {
        held.workload = workload;
        engine.services.limitCores(held.id, workload.coresLimit ?? Number.POSITIVE_INFINITY);
        continue;
      }
      if (held) outdated.push([workload.uid, held]);
      const behaviour = behaviourOf(workload);
      const resting = { steadyCores: behaviour ? restingCores : workload.cores };
      const id = engine.addService(this.indexOf(workload.node), {
        ...(behaviour && isWorking ? behaviour.service : resting),
        memoryBytes: workload.memoryBytes,
      });
      engine.services.limitCores(id, workload.coresLimit ?? Number.POSITIVE_INFINITY);
      engine.services.setMakes(id, isWorking ? (behaviour?.makes ?? 0) : 0);
      this.#services.set(workload.uid, { id, isWorking, workload });
      this.#nameOf.set(id, workload.uid);
    }
    const { services, flows, isBroken, hasSource } = join(working, (uid) => this.#services.get(uid)!.id);
    let pipeline = this.#pipelines.get(application);
    if (isPipeline && !pipeline) {
      const shared = { people: null, site: null, dueAt: Number.NaN, hasSource, hasItems: false };
      pipeline = { name: application, id: engine.addApplication(), ...shared };
      this.#pipelines.set(application, pipeline);
      this.#pipelineOf.set(pipeline.id, pipeline);
    }
    if (pipeline) {
      pipeline.hasSource = hasSource;
      pipeline.site = [...working].find((workload) => (behaviourOf(workload)?.makes ?? 0) > 0)?.node ?? pipeline.site;
      const items = workloads.flatMap((workload) => behaviourOf(workload)?.items ?? [])[0];
      pipeline.hasItems = items !== undefined || workloads.some(({ role }) => role !== undefined);
      // The scenario begins once the whole pipeline works.
      if (pipeline.hasItems && !pipeline.people && hasSource && !isBroken) {
        pipeline.people = new PeopleInView(seededRandom(this.#seed ^ hash(application)), engine.now, items);
        pipeline.people.fix(this.#fixedPeople);
      }
      engine.setItems(pipeline.id, this.#itemsOf(pipeline));
      if (isPipeline) {
        engine.compose(pipeline.id, services, flows, isBroken);
        this.#look(pipeline);
      } else {
        engine.removeApplication(pipeline.id);
        this.#pipelines.delete(application);
        this.#pipelineOf.delete(pipeline.id);
      }
    }
    this.#power(application, workloads, working);
    for (const [uid, held] of outdated) {
      if (!held) continue;
      engine.removeService(held.id);
      this.#nameOf.delete(held.id);
      if (this.#services.get(uid) === held) this.#services.delete(uid);
    }
  }

  /** Nodes draw what the devices of their working components do. */
  #power(application: string, workloads: readonly Workload[], working: ReadonlySet<Workload>): void {
    const now = new Map<number, number>();
    for (const workload of workloads) {
      const { deviceW = 0 } = (working.has(workload) && behaviourOf(workload)) || {};
      if (deviceW > 0) now.set(this.indexOf(workload.node), (now.get(this.indexOf(workload.node)) ?? 0) + deviceW);
    }
    const before = this.#devices.get(application) ?? new Map<number, number>();
    if (now.size === 0 && before.size === 0) return;
    this.#devices.set(application, now);
    for (const at of new Set([...before.keys(), ...now.keys()])) {
      this.machines.devicesW[at]! += (now.get(at) ?? 0) - (before.get(at) ?? 0);
      this.#engine!.updateNode(at);
    }
  }

  #itemsOf({ people, hasSource, hasItems }: Pipeline): number {
    if (!hasSource) return 0;
    if (!hasItems) return 1;
    return people?.at(this.#engine!.now) ?? this.#fixedPeople ?? 1;
  }

  /** Takes the people in view to the application, and looks again when they may change. */
  #look(pipeline: Pipeline): void {
    const engine = this.#engine!;
    engine.setItems(pipeline.id, this.#itemsOf(pipeline));
    if (!pipeline.people) return;
    const dueAt = pipeline.people.nextAfter(engine.now);
    if (dueAt === pipeline.dueAt) return;
    pipeline.dueAt = dueAt;
    engine.schedule(dueAt, this.#peopleKind, pipeline.id);
  }

  /** Standard normal, the same for everyone who reads at about this time. */
  #noise(application: string, now: number): number {
    const [name, time] = [hash(application), Math.floor(now / noiseStepMs)];
    return gaussianOf(randomAt(this.#seed, name, time), randomAt(~this.#seed, name, time));
  }
}

/** Nodes around one switch. */
function star(count: number, { rttMs, bytesPerSecond }: Link): Topology {
  const network = new Network();
  const centre = network.addPlace();
  const places = Array.from({ length: count }, () => {
    const place = network.addPlace();
    network.connect(place, centre, { latencyMs: rttMs / 2, bytesPerSecond });
    return place;
  });
  return { network, places };
}
