import type { PowerModel } from './power.ts';

/** What a program waits for: how much a lower frequency slows it down depends on it. */
export const boundnessKinds = ['memory', 'hybrid', 'compute'] as const;
export type Boundness = (typeof boundnessKinds)[number];

/** A processor's operating points (GHz, ascending) and how much longer each kind of program takes there than at the highest. */
export interface OperatingPoints {
  frequenciesGHz: readonly number[];
  slowdown: Record<Boundness, readonly number[]>;
}

/** As measured in the framework's experiments; the names are those of the power models. */
export const operatingPoints = {
  'Xeon E3-1220': {
    frequenciesGHz: [2.0, 2.5, 3.0, 3.3],
    slowdown: { memory: [1.35, 1.15, 1.04, 1], hybrid: [1.04, 1.02, 1.02, 1], compute: [1.61, 1.31, 1.1, 1] },
  },
  'X-Gene2': {
    frequenciesGHz: [0.3, 1.0, 1.7, 2.4],
    slowdown: { memory: [2.4, 1.23, 1.07, 1], hybrid: [4.9, 1.6, 1.16, 1], compute: [8, 2.4, 1.41, 1] },
  },
  'X-Gene3': {
    frequenciesGHz: [0.4, 1.3, 2.2, 3.0],
    slowdown: { memory: [2.44, 1.29, 1.08, 1], hybrid: [5.15, 1.76, 1.14, 1], compute: [7.5, 2.31, 1.3, 1] },
  },
} as const satisfies Record<string, OperatingPoints>;

/** Of the processors that were measured. */
export const architectures = { 'Xeon E3-1220': 'amd64', 'X-Gene2': 'arm64', 'X-Gene3': 'arm64' } as const;

/** How many times as long as at the highest frequency; between the points on straight lines, beyond them as at the outermost. */
export function slowdownAt({ frequenciesGHz, slowdown }: OperatingPoints, kind: Boundness, ghz: number): number {
  const values = slowdown[kind];
  const above = frequenciesGHz.findIndex((point) => point >= ghz);
  if (above < 0) return values.at(-1)!;
  if (above === 0) return values[0]!;
  const [low, high] = [frequenciesGHz[above - 1]!, frequenciesGHz[above]!];
  return values[above - 1]! + ((values[above]! - values[above - 1]!) * (ghz - low)) / (high - low);
}

/** A simulated host. What is optional is of scenarios: without it, speed follows the frequency, and there are seven operating points. */
export interface SimulatedNode {
  name: string;
  cores: number;
  /** Highest frequency. */
  ghz: number;
  memoryBytes: number;
  power: PowerModel;
  /** Share of the node that its own services use, 0–1. */
  background: number;
  architecture?: 'amd64' | 'arm64';
  /** As its kernel names the processor. */
  model?: string;
  points?: OperatingPoints;
}

/** Operating points of a processor of which nothing was measured, as shares of its highest frequency. */
const usualShares = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1] as const;

/** GHz, ascending. */
export const frequenciesOf = ({ ghz, points }: SimulatedNode): readonly number[] =>
  points?.frequenciesGHz ?? usualShares.map((share) => share * ghz);
