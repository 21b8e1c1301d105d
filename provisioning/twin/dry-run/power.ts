import type { PowerModel } from '../simulation/power.ts';
import { powerModels, powerW } from '../simulation/power.ts';
import type { ParameterBook } from './parameters.ts';
import { type Past, valueAt } from './past.ts';

/** A line is fitted over the load only when that many readings have seen loads that differ this much. */
const enoughReadings = 30;
const enoughSpread = 0.15;
const togetherMs = 1500;
const usual = 'Xeon E3-1220';
const known = [
  { processor: /E3-1220\b/, model: 'Xeon E3-1220' },
  { processor: /X-Gene ?2\b/i, model: 'X-Gene2' },
  { processor: /X-Gene ?3\b/i, model: 'X-Gene3' },
] as const;

/** Power of a node over its load: fitted to its own readings, or that of its processor, or a usual one as high as what was read. */
export function powerModelOf(
  node: string,
  { past, book, ghz, processor }: { past: Past; book: ParameterBook; ghz: number; processor: string | undefined },
): PowerModel {
  const tell = (model: PowerModel, origin: 'described' | 'measured' | 'assumed', source: string): PowerModel => {
    const busyW = powerW(model, 1, ghz);
    book.set(node, { name: 'Power when idle', value: model.b, unit: 'W', origin, source });
    book.set(node, { name: 'Power when busy', value: busyW, unit: 'W', origin, source });
    return model;
  };
  const pairs = pairsOf(past, node);
  const line = fittedLine(pairs);
  // Without operating points, what is above idling goes with the frequency.
  if (line)
    return tell(
      {
        a: line.slope / ghz,
        b: line.base,
        points: [
          [0.4 * ghz, 1],
          [ghz, 1],
        ],
      },
      'measured',
      `line through ${pairs.length} readings of power_w over cpu_used_ratio`,
    );
  const found = known.find((one) => processor !== undefined && one.processor.test(processor));
  if (found) return tell(powerModels[found.model], 'described', `published measurements of ${found.model}`);
  const watts = past.median({ metric: 'power_w', node });
  const load = past.median({ metric: 'cpu_used_ratio', node });
  if (!watts || !load) return tell(powerModels[usual], 'assumed', `that of a ${usual}: the node tells none`);
  const model = powerModels[usual];
  const factor = watts.value / powerW(model, load.value, ghz);
  return tell(
    { ...model, a: factor * model.a, b: factor * model.b },
    'assumed',
    `that of a ${usual}, scaled to the ${watts.source}`,
  );
}

function pairsOf(past: Past, node: string): [load: number, watts: number][] {
  const [watts] = past.find({ metric: 'power_w', node });
  const [load] = past.find({ metric: 'cpu_used_ratio', node });
  if (!watts || !load) return [];
  return watts.times.flatMap((time, index): [number, number][] => {
    const used = valueAt(load, time, togetherMs);
    return used === undefined ? [] : [[used, watts.values[index]!]];
  });
}

/** Least squares; undefined where the readings say too little, or nonsense. */
export function fittedLine(pairs: readonly (readonly [x: number, y: number])[]): { base: number; slope: number } | undefined {
  if (pairs.length < enoughReadings) return undefined;
  const xs = pairs.map(([x]) => x);
  if (Math.max(...xs) - Math.min(...xs) < enoughSpread) return undefined;
  const meanX = xs.reduce((sum, x) => sum + x, 0) / pairs.length;
  const meanY = pairs.reduce((sum, [, y]) => sum + y, 0) / pairs.length;
  let [covariance, variance] = [0, 0];
  for (const [x, y] of pairs) {
    covariance += (x - meanX) * (y - meanY);
    variance += (x - meanX) ** 2;
  }
  const slope = covariance / variance;
  const base = meanY - slope * meanX;
  return slope > 0 && base >= 0 ? { base, slope } : undefined;
}
