import { add, constant, divide, type Expression, multiply } from '../decision/expression.ts';
import { RecursiveLeastSquares } from './recursive-least-squares.ts';

/** A processor as the MLSysOps project measured it: P = a·U·V²·f + b in W (U 0–1, V in volts, f in GHz). */
export interface MeasuredProcessor {
  a: number;
  b: number;
  /** Operating points, ascending. */
  points: readonly (readonly [ghz: number, volts: number])[];
  /** How many times longer work takes than at the highest point, at each point, by what bounds it. */
  slowDown: Record<Boundness, readonly number[]>;
}
export type Boundness = 'memory' | 'hybrid' | 'compute';

/** Power, operating points and slow-downs as published with the framework's energy experiments. */
export const measuredProcessors = {
  'Xeon E3-1220': {
    a: 18.98,
    b: 34.01,
    points: [
      [2.0, 0.851],
      [2.5, 0.922],
      [3.0, 1.075],
      [3.3, 1.146],
    ],
    slowDown: { memory: [1.35, 1.15, 1.04, 1], hybrid: [1.04, 1.02, 1.02, 1], compute: [1.61, 1.31, 1.1, 1] },
  },
  'X-Gene2': {
    a: 8.39,
    b: 35.99,
    points: [
      [0.3, 0.98],
      [1.0, 0.98],
      [1.7, 0.98],
      [2.4, 0.98],
    ],
    slowDown: { memory: [2.4, 1.23, 1.07, 1], hybrid: [4.9, 1.6, 1.16, 1], compute: [8, 2.4, 1.41, 1] },
  },
  'X-Gene3': {
    a: 34.376,
    b: 52.478,
    points: [
      [0.4, 0.88],
      [1.3, 0.88],
      [2.2, 0.88],
      [3.0, 0.88],
    ],
    slowDown: { memory: [2.44, 1.29, 1.08, 1], hybrid: [5.15, 1.76, 1.14, 1], compute: [7.5, 2.31, 1.3, 1] },
  },
} as const satisfies Record<string, MeasuredProcessor>;

/** A node's power by how much it works and how fast: what idling takes, and what full use takes besides, W. */
export interface PowerPrediction {
  idleW: number;
  busyW: number;
  /** Standard deviation, W. */
  deviation: number;
  /** Which model it is from, for people. */
  source: string;
}

/** @param ghz an operating point, or between two: volts lie on the line through the nearest two */
export function measuredPower(name: keyof typeof measuredProcessors, ghz: number): PowerPrediction {
  const { a, b, points }: MeasuredProcessor = measuredProcessors[name];
  const above = points.findIndex(([at]) => at >= ghz);
  const upperAt = above < 0 ? points.length - 1 : Math.max(above, 1);
  const [[lowGHz, lowV], [highGHz, highV]] = [points[upperAt - 1]!, points[upperAt]!];
  const volts = lowV + ((highV - lowV) * (ghz - lowGHz)) / (highGHz - lowGHz);
  return { idleW: b, busyW: a * volts ** 2 * ghz, deviation: 0, source: `published for ${name}` };
}

/** How many times longer work takes at a frequency than at the highest point; between two points it lies on the line through them. */
export function publishedSlowDown(name: keyof typeof measuredProcessors, bound: Boundness, ghz: number): number {
  const { points, slowDown }: MeasuredProcessor = measuredProcessors[name];
  const factors = slowDown[bound];
  const above = points.findIndex(([at]) => at >= ghz);
  if (above === 0) return factors[0]!;
  if (above < 0) return factors.at(-1)!;
  const [[low], [high]] = [points[above - 1]!, points[above]!];
  return factors[above - 1]! + ((factors[above]! - factors[above - 1]!) * (ghz - low)) / (high - low);
}

/** Learnt from so few readings, or at one frequency alone, power is not told apart from what it hangs on. */
export const enoughPowerSamples = 20;
/** Frequencies are as good as the same within this, GHz. */
const sameGHz = 0.05;

/**
 * Power learnt from readings: P = b + U·(w₁·f + w₂·f³), for V grows about as f does (P = a·U·V²·f). Until enough has been read at the
 * frequencies asked for, its uncertainty is what the prior leaves.
 */
export class LearntPower {
  // 15 W per GHz at full use, and a volt that hardly grows: what small servers take, widely uncertain.
  readonly #model = new RecursiveLeastSquares({ weights: [35, 10, 0.5], deviations: [40, 10, 0.5], noise: 1 }, 0.999);
  readonly #seen: number[] = [];

  /** @param utilisation 0–1 */
  learn(utilisation: number, ghz: number, watts: number): void {
    if (!(ghz > 0) || !Number.isFinite(watts)) return;
    this.#model.update(features(utilisation, ghz), watts);
    if (this.#seen.every((seen) => Math.abs(seen - ghz) > sameGHz)) this.#seen.push(ghz);
  }

  get samples(): number {
    return this.#model.samples;
  }

  /** W idle, W at full load per GHz, and per GHz³. */
  get weights(): readonly number[] {
    return this.#model.weights;
  }

  /** @param utilisation 0–1, for the uncertainty; undefined while too little was read */
  at(ghz: number, utilisation: number): PowerPrediction | undefined {
    if (this.samples < enoughPowerSamples) return undefined;
    const [idleW = 0, perGHz = 0, perCube = 0] = this.#model.weights;
    return {
      idleW: Math.max(idleW, 0),
      busyW: Math.max(perGHz * ghz + perCube * ghz ** 3, 0),
      deviation: this.#model.predict(features(utilisation, ghz)).deviation,
      source: `learnt from ${this.samples} readings of power_w at ${this.#seen.length === 1 ? 'one frequency' : `${this.#seen.length} frequencies`}`,
    };
  }
}

const features = (utilisation: number, ghz: number): number[] => [1, utilisation * ghz, utilisation * ghz ** 3];

/**
 * Mean power over a period in which the host is busy for a share and idles, or sleeps, for the rest.
 * @param busy share, 0–1
 * @param sleepW power of a host that sleeps while it has nothing to do; undefined when it idles
 */
export function meanPower(power: PowerPrediction, busy: Expression, sleepW?: number): Expression {
  if (sleepW === undefined) return add(power.idleW, multiply(power.busyW, busy));
  return add(sleepW, multiply(power.idleW + power.busyW - sleepW, busy));
}

/** J per job. @param jobsPerSecond above 0 */
export const energyPerJob = (watts: Expression, jobsPerSecond: number): Expression => divide(watts, constant(jobsPerSecond));
