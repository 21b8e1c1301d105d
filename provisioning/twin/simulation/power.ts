/** Power of a processor as measured in the framework's experiments: P = a·U·V²·f + b, in W, with U in 0–1, V in volts, f in GHz. */
export interface PowerModel {
  a: number;
  b: number;
  /** Frequency (GHz) and voltage (V) of its operating points, ascending. */
  points: readonly (readonly [ghz: number, volts: number])[];
}

export const powerModels = {
  'Xeon E3-1220': {
    a: 18.98,
    b: 34.01,
    points: [
      [2.0, 0.851],
      [2.5, 0.922],
      [3.0, 1.075],
      [3.3, 1.146],
    ],
  },
  'X-Gene2': {
    a: 8.39,
    b: 35.99,
    points: [
      [0.3, 0.98],
      [2.4, 0.98],
    ],
  },
  'X-Gene3': {
    a: 34.376,
    b: 52.478,
    points: [
      [0.4, 0.88],
      [3.0, 0.88],
    ],
  },
} as const satisfies Record<string, PowerModel>;

/** Voltage at a frequency: between and beyond the operating points on straight lines through the two nearest. */
export function voltageAt(model: PowerModel, ghz: number): number {
  const { points } = model;
  const above = Math.max(
    1,
    points.findIndex(([f]) => f >= ghz),
  );
  const upper = points[ghz > points.at(-1)![0] ? points.length - 1 : above]!;
  const lower = points[points.indexOf(upper) - 1]!;
  return lower[1] + ((upper[1] - lower[1]) * (ghz - lower[0])) / (upper[0] - lower[0]);
}

/** a·V²·f: what full utilisation costs over idling, W. */
export const dynamicPowerW = (model: PowerModel, ghz: number): number => model.a * voltageAt(model, ghz) ** 2 * ghz;

/** @param utilisation 0–1 */
export const powerW = (model: PowerModel, utilisation: number, ghz: number): number =>
  dynamicPowerW(model, ghz) * utilisation + model.b;
