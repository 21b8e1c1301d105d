import { dynamicPowerW } from './power.ts';
import { boundnessKinds, frequenciesOf, type SimulatedNode, slowdownAt } from './processors.ts';

/** The speed that service times are told at. */
export const referenceGHz = 1.8;
/** The load average follows the load over about this long, as Linux' does. */
const loadTimeMs = 60_000;
/** Index of the speed of a program that is simply as fast as the clock; those of `boundnessKinds` follow. */
export const plainSpeed = 0;
const speeds = 1 + boundnessKinds.length;

/**
 * Hosts as columns of numbers. Between two updates of a node nothing changes on it, so that what adds up over time (energy, the load
 * average) follows by one multiplication when somebody asks.
 */
export class Machines {
  readonly specs: readonly SimulatedNode[];
  readonly count: number;
  readonly cores: Float64Array;
  /** Set by a governor; a power cap may hold it lower. */
  readonly wantedGHz: Float64Array;
  readonly ghz: Float64Array;
  /** Most it may draw, W; Infinity without a cap. */
  readonly capW: Float64Array;
  /** Share of its speed that is left when something slows it down, (0, 1]. */
  readonly health: Float64Array;
  /** Drawn by devices of components that work there (a camera), W. */
  readonly devicesW: Float64Array;
  /** Cores taken by something that no component accounts for, as a miner would. */
  readonly stolen: Float64Array;
  readonly up: Uint8Array;
  readonly background: Float64Array;
  /** What its own services use more (or less) than usual, share of the node. */
  readonly wander: Float64Array;
  /** Cores that its components ask for. */
  readonly components: Float64Array;
  /** Cores asked for by all that runs there; above `cores` when there is too much. */
  readonly demand: Float64Array;
  /** 0–1. */
  readonly used: Float64Array;
  readonly powerW: Float64Array;
  readonly memoryUsed: Float64Array;
  /** Bytes/s. */
  readonly received: Float64Array;
  readonly sent: Float64Array;
  readonly #speeds: Float64Array;
  readonly #wattsPerLoad: Float64Array;
  readonly #wattsIdle: Float64Array;
  readonly #since: Float64Array;
  readonly #energyJ: Float64Array;
  readonly #load: Float64Array;

  constructor(specs: readonly SimulatedNode[]) {
    const column = (value: (node: SimulatedNode) => number) => Float64Array.from(specs, value);
    this.specs = specs;
    this.count = specs.length;
    this.cores = column(({ cores }) => cores);
    this.wantedGHz = column(({ ghz }) => ghz);
    this.ghz = this.wantedGHz.slice();
    this.capW = new Float64Array(this.count).fill(Number.POSITIVE_INFINITY);
    this.health = new Float64Array(this.count).fill(1);
    this.devicesW = new Float64Array(this.count);
    this.stolen = new Float64Array(this.count);
    this.up = new Uint8Array(this.count).fill(1);
    this.background = column(({ background }) => background);
    this.wander = new Float64Array(this.count);
    this.components = new Float64Array(this.count);
    this.demand = column(({ background, cores }) => background * cores);
    this.used = this.background.slice();
    this.powerW = new Float64Array(this.count);
    this.memoryUsed = column(({ memoryBytes }) => 0.15 * memoryBytes);
    this.received = new Float64Array(this.count);
    this.sent = new Float64Array(this.count);
    this.#speeds = new Float64Array(this.count * speeds);
    this.#wattsPerLoad = new Float64Array(this.count);
    this.#wattsIdle = column(({ power }) => power.b);
    this.#since = new Float64Array(this.count).fill(Number.NaN);
    this.#energyJ = new Float64Array(this.count);
    this.#load = this.demand.slice();
    for (let node = 0; node < this.count; node++) {
      this.clocked(node);
      this.powerW[node] = this.#wattsPerLoad[node]! * this.used[node]! + this.#wattsIdle[node]!;
    }
  }

  /** Starts counting. */
  begin(now: number): void {
    this.#since.fill(now);
  }

  /** Speed of a program, as a multiple of the reference's. @param kind `plainSpeed`, or 1 + the index of its boundness */
  speed(node: number, kind: number): number {
    return this.#speeds[node * speeds + kind]!;
  }

  /** To be called after a change of frequency or health. */
  clocked(node: number): void {
    const spec = this.specs[node]!;
    const ghz = this.ghz[node]!;
    const health = this.health[node]!;
    this.#wattsPerLoad[node] = dynamicPowerW(spec.power, ghz);
    this.#speeds[node * speeds] = (ghz / referenceGHz) * health;
    for (const [index, kind] of boundnessKinds.entries()) {
      const highest = spec.ghz / referenceGHz;
      const slower = spec.points ? slowdownAt(spec.points, kind, ghz) : spec.ghz / ghz;
      this.#speeds[node * speeds + 1 + index] = (highest / slower) * health;
    }
  }

  /** Cores that the node's own services ask for; they were measured at the highest frequency. */
  own(node: number): number {
    const share = Math.max(0, this.background[node]! + this.wander[node]!);
    const slower = this.specs[node]!.ghz / (this.ghz[node]! * this.health[node]!);
    return share * slower * this.cores[node]! + this.stolen[node]!;
  }

  /** From now on its components ask for so many cores (more than before by `more`). */
  update(node: number, now: number, more = 0): void {
    const components = this.components[node]! + more;
    this.components[node] = components;
    this.#energyJ[node] = this.energyJ(node, now);
    this.#load[node] = this.load1m(node, now);
    this.#since[node] = now;
    if (this.up[node] === 0) {
      this.demand[node] = 0;
      this.used[node] = 0;
      this.powerW[node] = 0;
      return;
    }
    const demand = components + this.own(node);
    this.demand[node] = demand;
    const used = Math.min(1, demand / this.cores[node]!);
    this.used[node] = used;
    this.powerW[node] = this.#wattsPerLoad[node]! * used + this.#wattsIdle[node]! + this.devicesW[node]!;
  }

  /** Since the beginning, J. */
  energyJ(node: number, now: number): number {
    const dtMs = now - this.#since[node]!;
    return dtMs > 0 ? this.#energyJ[node]! + (this.powerW[node]! * dtMs) / 1000 : this.#energyJ[node]!;
  }

  /** Mean demand of about the last minute, in cores. */
  load1m(node: number, now: number): number {
    const dtMs = now - this.#since[node]!;
    if (!(dtMs > 0)) return this.#load[node]!;
    return this.demand[node]! + (this.#load[node]! - this.demand[node]!) * Math.exp(-dtMs / loadTimeMs);
  }

  /**
   * The frequency at which the node keeps its cap: the highest operating point, up to the one wanted, where power at this demand stays below it;
   * the lowest when none does, as a processor cannot do less.
   */
  allowedGHz(node: number): number {
    const wanted = this.wantedGHz[node]!;
    const cap = this.capW[node]!;
    if (cap === Number.POSITIVE_INFINITY) return wanted;
    const spec = this.specs[node]!;
    const points = frequenciesOf(spec).filter((ghz) => ghz <= wanted + 1e-9);
    const allowed = points.findLast((ghz) => {
      const demand = (this.demand[node]! * this.ghz[node]!) / ghz;
      const others = spec.power.b + this.devicesW[node]!;
      return dynamicPowerW(spec.power, ghz) * Math.min(1, demand / this.cores[node]!) + others <= cap;
    });
    return allowed ?? points[0] ?? wanted;
  }
}
