import { slowdown } from './camera.ts';
import { Column } from './columns.ts';
import { plainSpeed } from './machines.ts';
import { type Boundness, boundnessKinds } from './processors.ts';

/** What one component does, as far as the physics go. Times are those on an idle node at the reference frequency. */
export interface ServiceModel {
  /** Of each request, and of each item (a person, a weed) in it, ms of processor time. */
  serviceMs?: number;
  perItemMs?: number;
  /** Of each request whatever the node is like: a sensor's exposure, a copy. */
  fixedMs?: number;
  /** What it uses beside its requests, cores. */
  steadyCores?: number;
  /** Requests that it serves at once. */
  threads?: number;
  /** Requests that may wait; with 0 those that find no free thread are lost. */
  queueLimit?: number;
  memoryBytes?: number;
  /** What it waits for; without it, it is as fast as the clock. */
  boundness?: Boundness;
}

/** Requests from one component to another. */
export interface FlowModel {
  from: number;
  to: number;
  /** Requests for each one served. */
  requests?: number;
  bytes?: number;
  bytesPerItem?: number;
}

/** Requests: less than this is what rounding leaves. */
const nothing = 1e-6;
/** A service this busy (beside others at worst) may be turned by what else its node does. */
const tightFrom = 1 / 1.5;

/**
 * Components that run, as columns: what they do, and their state at `at`. Rates are in requests/s, demands in cores. A service whose node is crowded
 * is slower (`slowdown`); what it cannot serve waits in its queue, up to its limit, and the rest is lost.
 */
export class Services {
  readonly #columns: Column[] = [];
  readonly #free: number[] = [];
  #count = 0;
  readonly #serviceMs = this.#column();
  readonly #perItemMs = this.#column();
  readonly #fixedMs = this.#column();
  readonly #steadyCores = this.#column();
  readonly #threads = this.#column();
  readonly #queueLimit = this.#column();
  readonly #memoryBytes = this.#column();
  readonly #speedKind = this.#column();
  readonly #node = this.#column();
  readonly #application = this.#column();
  readonly #coresLimit = this.#column();
  readonly #makes = this.#column();
  readonly #demand = this.#column();
  readonly #inflow = this.#column();
  readonly #outflow = this.#column();
  readonly #losing = this.#column();
  readonly #backlog = this.#column();
  readonly #growth = this.#column();
  readonly #at = this.#column();
  readonly #turnsAt = this.#column();

  #column(): Column {
    const column = new Column();
    this.#columns.push(column);
    return column;
  }

  add(node: number, { boundness, ...model }: ServiceModel, now: number): number {
    const id = this.#free.pop() ?? this.#count++;
    for (const column of this.#columns) {
      column.reach(id);
      column.values[id] = 0;
    }
    this.#serviceMs.values[id] = model.serviceMs ?? 0;
    this.#perItemMs.values[id] = model.perItemMs ?? 0;
    this.#fixedMs.values[id] = model.fixedMs ?? 0;
    this.#steadyCores.values[id] = model.steadyCores ?? 0;
    this.#threads.values[id] = model.threads ?? 1;
    this.#queueLimit.values[id] = model.queueLimit ?? 0;
    this.#memoryBytes.values[id] = model.memoryBytes ?? 0;
    this.#speedKind.values[id] = boundness === undefined ? plainSpeed : 1 + boundnessKinds.indexOf(boundness);
    this.#node.values[id] = node;
    this.#application.values[id] = -1;
    this.#coresLimit.values[id] = Number.POSITIVE_INFINITY;
    this.#demand.values[id] = model.steadyCores ?? 0;
    this.#at.values[id] = now;
    this.#turnsAt.values[id] = Number.POSITIVE_INFINITY;
    return id;
  }

  remove(id: number): void {
    this.#node.values[id] = -1;
    this.#free.push(id);
  }

  /** @throws RangeError */
  check(id: number): void {
    if (!(id >= 0 && id < this.#count && this.#node.values[id]! >= 0)) throw new RangeError(`there is no service ${id}`);
  }

  nodeOf = (id: number): number => this.#node.values[id]!;
  memoryOf = (id: number): number => this.#memoryBytes.values[id]!;
  speedKindOf = (id: number): number => this.#speedKind.values[id]!;
  demandOf = (id: number): number => this.#demand.values[id]!;
  outflowOf = (id: number): number => this.#outflow.values[id]!;
  losingOf = (id: number): number => this.#losing.values[id]!;
  /** When its queue will be full or empty. */
  turnsAtOf = (id: number): number => this.#turnsAt.values[id]!;
  /** Index of its application, or -1 of one that serves nobody. */
  applicationOf = (id: number): number => this.#application.values[id]!;
  join(id: number, application: number): void {
    this.#application.values[id] = application;
  }
  /** Requests/s that it makes of itself. */
  makesOf = (id: number): number => this.#makes.values[id]!;
  setMakes(id: number, rate: number): void {
    this.#makes.values[id] = rate;
  }
  /** Cores that it may use at most, as when a set of processors is prescribed. */
  coresLimitOf = (id: number): number => this.#coresLimit.values[id]!;
  limitCores(id: number, cores: number): void {
    this.#coresLimit.values[id] = cores;
  }

  /** Lets its queue grow or shrink until now. */
  account(id: number, now: number): void {
    if (this.#growth.values[id] !== 0) this.#backlog.values[id] = this.backlogOf(id, now);
    this.#at.values[id] = now;
  }

  /** Requests that wait. */
  backlogOf(id: number, now: number): number {
    const backlog = this.#backlog.values[id]! + (this.#growth.values[id]! * (now - this.#at.values[id]!)) / 1000;
    return Math.min(Math.max(0, backlog), this.#queueLimit.values[id]!);
  }

  /** Processor time of one request with so many items at a speed, s. */
  workS(id: number, items: number, speed: number): number {
    return (this.#serviceMs.values[id]! + this.#perItemMs.values[id]! * items) / 1000 / speed;
  }

  /** Says what comes in, and gives the cores that it asks for then: `account` must have been called. */
  takeIn(id: number, inflow: number, workS: number): number {
    this.#inflow.values[id] = inflow;
    if (this.#backlog.values[id]! < nothing) this.#backlog.values[id] = 0;
    const parallel = this.#parallel(id);
    const wanted = this.#backlog.values[id]! > 0 ? parallel : Math.min(inflow * workS, parallel);
    const demand = wanted + this.#steadyCores.values[id]!;
    this.#demand.values[id] = demand;
    return demand;
  }

  /** Serves what came in, on a node that is asked for so many cores altogether. */
  serve(id: number, workS: number, nodeDemand: number, cores: number): void {
    const capacity = this.#capacity(id, workS, nodeDemand, cores);
    const inflow = this.#inflow.values[id]!;
    const backlog = this.#backlog.values[id]!;
    this.#growth.values[id] = 0;
    this.#losing.values[id] = 0;
    this.#turnsAt.values[id] = Number.POSITIVE_INFINITY;
    this.#outflow.values[id] = inflow;
    if (backlog <= 0 && inflow <= capacity) return;
    this.#outflow.values[id] = capacity;
    const growth = inflow - capacity;
    const room = growth > 0 ? this.#queueLimit.values[id]! - backlog : backlog;
    if (growth > 0 && room < nothing) this.#losing.values[id] = growth;
    else if (growth !== 0) {
      this.#growth.values[id] = growth;
      this.#turnsAt.values[id] = this.#at.values[id]! + (room / Math.abs(growth)) * 1000;
    }
  }

  /** Nobody is there to serve: all that comes in is lost. */
  stand(id: number, inflow: number): void {
    this.#inflow.values[id] = inflow;
    this.#outflow.values[id] = 0;
    this.#growth.values[id] = 0;
    this.#losing.values[id] = inflow;
    this.#demand.values[id] = 0;
    this.#backlog.values[id] = 0;
    this.#turnsAt.values[id] = Number.POSITIVE_INFINITY;
  }

  /** Serves no application any more, and only uses what it always does. */
  rest(id: number): void {
    this.stand(id, 0);
    this.#demand.values[id] = this.#steadyCores.values[id]!;
  }

  /** Whether a little more on its node may make it serve otherwise. */
  isTight(id: number, workS: number): boolean {
    return (
      this.#growth.values[id] !== 0 ||
      this.#losing.values[id]! > 0 ||
      this.#backlog.values[id]! > 0 ||
      this.#inflow.values[id]! * workS > tightFrom * this.#parallel(id)
    );
  }

  /** Whether it would be served otherwise now that its node is asked for this much. */
  isTurned(id: number, workS: number, nodeDemand: number, cores: number): boolean {
    const capacity = this.#capacity(id, workS, nodeDemand, cores);
    const outflow = this.#outflow.values[id]!;
    if (this.#backlog.values[id]! > 0 || this.#losing.values[id]! > 0 || this.#growth.values[id] !== 0)
      return Math.abs(capacity - outflow) > 1e-3 * outflow;
    return this.#inflow.values[id]! > capacity;
  }

  /** Time of a request in this component, ms, from coming in until it is served. */
  stayMs(id: number, now: number, workS: number, nodeDemand: number, cores: number): number {
    const fixedMs = this.#fixedMs.values[id]!;
    if (workS <= 0) return fixedMs;
    const demand = this.#demand.values[id]!;
    const crowded = slowdown(Math.max(0, nodeDemand - demand) / cores, demand / cores);
    // One that may use less than a core is held back for the rest of the time.
    const serviceMs = (1000 * workS * crowded) / Math.min(1, this.#coresLimit.values[id]!);
    const queueMs = (1000 * workS * crowded) / this.#parallel(id);
    const load = (this.#inflow.values[id]! * queueMs) / 1000;
    // Beyond its capacity the queue that has grown is what there is to wait for.
    const waiting = load < 1 ? Math.min(queueLength(load, this.#threads.values[id]!), this.#queueLimit.values[id]!) : 0;
    return fixedMs + serviceMs + queueMs * Math.max(this.backlogOf(id, now), waiting);
  }

  #parallel(id: number): number {
    return Math.min(this.#threads.values[id]!, this.#coresLimit.values[id]!);
  }

  #capacity(id: number, workS: number, nodeDemand: number, cores: number): number {
    if (workS <= 0) return Number.POSITIVE_INFINITY;
    const demand = this.#demand.values[id]!;
    return this.#parallel(id) / (workS * slowdown(Math.max(0, nodeDemand - demand) / cores, demand / cores));
  }
}

/**
 * Mean number of waiting requests of a queue with so many servers, each of them busy for a share `load` of the time: ρ^√(2(c+1)) / (1 − ρ),
 * Sakasegawa's approximation of M/M/c (1977), exact for one server. Infinity from full load on.
 */
export function queueLength(load: number, servers: number): number {
  return load >= 1 ? Number.POSITIVE_INFINITY : load ** Math.sqrt(2 * (servers + 1)) / (1 - load);
}
