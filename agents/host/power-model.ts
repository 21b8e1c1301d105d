import { z } from 'zod';

/** Power of a processor by how much it works: P = a·U·V²·f + b, in W, with U in 0–1, V in volts, f in GHz. */
export const powerModelSchema = z.strictObject({
  a: z.number().nonnegative(),
  b: z.number().nonnegative(),
  /** Operating points [GHz, V], ascending. */
  points: z.array(z.tuple([z.number().positive(), z.number().positive()])).min(1),
});
export type PowerModel = z.infer<typeof powerModelSchema>;

/** Fits by the MLSysOps project's own measurements, by what the kernel calls the processor. Of others nothing is known, and nothing is told. */
const known: { processor: RegExp; model: PowerModel }[] = [
  {
    processor: /Xeon\(R\).* E3-1220\b/,
    model: {
      a: 18.98,
      b: 34.01,
      points: [
        [2.0, 0.851],
        [2.5, 0.922],
        [3.0, 1.075],
        [3.3, 1.146],
      ],
    },
  },
  { processor: /X-Gene ?2\b/i, model: { a: 8.39, b: 35.99, points: [[2.4, 0.98]] } },
  { processor: /X-Gene ?3\b/i, model: { a: 34.376, b: 52.478, points: [[3.0, 0.88]] } },
];

export const knownPowerModel = (cpuModel: string): PowerModel | undefined =>
  known.find(({ processor }) => processor.test(cpuModel))?.model;

/**
 * @param utilisation 0–1
 * @param ghz the frequency now; without it the highest operating point is meant
 * @returns W
 */
export function modelledPowerW({ a, b, points }: PowerModel, utilisation: number, ghz?: number): number {
  const highest = points.at(-1)!;
  const frequency = ghz ?? highest[0];
  const above = points.findIndex(([at]) => at >= frequency);
  const [upper, lower] = above < 0 ? [highest, highest] : [points[above]!, points[Math.max(above - 1, 0)]!];
  const between = upper[0] === lower[0] ? 0 : (frequency - lower[0]) / (upper[0] - lower[0]);
  const volts = lower[1] + (upper[1] - lower[1]) * between;
  return a * utilisation * volts ** 2 * frequency + b;
}
