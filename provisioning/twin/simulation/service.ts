import { slowdown } from './camera.ts';
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

/** A component that runs, in its state at `at`. Rates are in requests/s. */
export class Service {
  readonly model: Required<Omit<ServiceModel, 'boundness'>>;
  readonly speedKind: number;
  node: number;
  /** Index of its application, or -1 of one that serves nobody. */
  application = -1;
  /** Cores that it may use at most, when a set of processors is prescribed. */
  coresLimit = Number.POSITIVE_INFINITY;
  /** Cores that it asks for. */
  demand = 0;
  inflow = 0;
  outflow = 0;
  /** Requests/s that find no place. */
  losing = 0;
  /** Waiting requests at `at`, and by how many they grow each second. */
  backlog = 0;
  growth = 0;
  /** Requests/s that it makes of itself. */
  makes = 0;
  at = 0;
  /** When its queue will be full or empty. */
  turnsAt = Number.POSITIVE_INFINITY;

  constructor(node: number, { boundness, ...model }: ServiceModel) {
    this.node = node;
    this.model = {
      serviceMs: 0,
      perItemMs: 0,
      fixedMs: 0,
      steadyCores: 0,
      threads: 1,
      queueLimit: 0,
      memoryBytes: 0,
      ...model,
    };
    this.speedKind = boundness === undefined ? plainSpeed : 1 + boundnessKinds.indexOf(boundness);
  }

  /** Lets its queue grow or shrink until now. */
  account(now: number): void {
    this.backlog = this.backlogBy(now);
    this.at = now;
  }

  backlogBy(now: number): number {
    return Math.min(Math.max(0, this.backlog + (this.growth * (now - this.at)) / 1000), this.model.queueLimit);
  }

  /** Processor time of one request with so many items at a speed, s. */
  workS(items: number, speed: number): number {
    return (this.model.serviceMs + this.model.perItemMs * items) / 1000 / speed;
  }

  get parallel(): number {
    return Math.min(this.model.threads, this.coresLimit);
  }

  /**
   * Takes what comes in now: `account` must have been called.
   * @param demandOf gives the demand of the node for that of this service
   * @param cores of the node
   */
  serve(inflow: number, workS: number, cores: number, crowdedBy: (demand: number) => number): void {
    const { queueLimit, steadyCores } = this.model;
    this.inflow = inflow;
    if (this.backlog < nothing) this.backlog = 0;
    const wanted = this.backlog > 0 ? this.parallel : Math.min(inflow * workS, this.parallel);
    this.demand = wanted + steadyCores;
    const nodeDemand = crowdedBy(this.demand);
    const capacity = this.#capacity(workS, nodeDemand, cores);
    this.growth = 0;
    this.losing = 0;
    this.turnsAt = Number.POSITIVE_INFINITY;
    if (this.backlog > 0 || inflow > capacity) {
      this.outflow = capacity;
      const growth = inflow - capacity;
      const room = growth > 0 ? queueLimit - this.backlog : this.backlog;
      if (growth > 0 && room < nothing) this.losing = growth;
      else if (growth !== 0) {
        this.growth = growth;
        this.turnsAt = this.at + (room / Math.abs(growth)) * 1000;
      }
      return;
    }
    this.outflow = inflow;
  }

  /** Nobody is there to serve: all that comes in is lost. */
  stand(inflow: number): void {
    this.inflow = inflow;
    this.outflow = 0;
    this.growth = 0;
    this.losing = inflow;
    this.demand = 0;
    this.backlog = 0;
    this.turnsAt = Number.POSITIVE_INFINITY;
  }

  #capacity(workS: number, nodeDemand: number, cores: number): number {
    if (workS <= 0) return Number.POSITIVE_INFINITY;
    return this.parallel / (workS * slowdown(Math.max(0, nodeDemand - this.demand) / cores, this.demand / cores));
  }

  /** Whether it would be served otherwise now that the rest of its node asks for this much. */
  isTurned(workS: number, nodeDemand: number, cores: number): boolean {
    const capacity = this.#capacity(workS, nodeDemand, cores);
    if (this.backlog > 0 || this.losing > 0 || this.growth !== 0) return Math.abs(capacity - this.outflow) > 1e-3 * this.outflow;
    return this.inflow > capacity;
  }

  /** Time of a request in this component, ms, from coming in until it is served. */
  stayMs(now: number, workS: number, nodeDemand: number, cores: number): number {
    const { fixedMs, queueLimit, threads } = this.model;
    if (workS <= 0) return fixedMs;
    const serviceMs = 1000 * workS * slowdown(Math.max(0, nodeDemand - this.demand) / cores, this.demand / cores);
    const queueMs = serviceMs / this.parallel;
    const load = (this.inflow * serviceMs) / 1000 / this.parallel;
    // Beyond its capacity the queue that has grown is what there is to wait for.
    const waiting = load < 1 ? Math.min(queueLength(load, threads), queueLimit) : 0;
    return fixedMs + serviceMs + queueMs * Math.max(this.backlogBy(now), waiting);
  }
}

/**
 * Mean number of waiting requests of a queue with so many servers, each of them busy for a share `load` of the time: ρ^√(2(c+1)) / (1 − ρ),
 * Sakasegawa's approximation of M/M/c (1977), exact for one server. Infinity from full load on.
 */
export function queueLength(load: number, servers: number): number {
  return load >= 1 ? Number.POSITIVE_INFINITY : load ** Math.sqrt(2 * (servers + 1)) / (1 - load);
}
