import type { LearntPlace } from './learnt-model.ts';
import type { ErrorBook } from './predictor.ts';
import type { RegressionForest } from './regression-forest.ts';

/** Why a forest predicts, or the line still does, for people: "the line was off by 2.1 ms over the last 100, the forest by 2.4 ms". */
export function whyForestOrLine({
  isForest,
  forest,
  line,
  enough,
  clearly,
  unit,
}: {
  isForest: boolean;
  forest: ErrorBook;
  line: ErrorBook;
  /** Errors that both must have shown, and by what share the forest must be better, before it predicts. */
  enough: number;
  clearly: number;
  unit: string;
}): string {
  const off = ({ meanAbsolute = 0 }: ErrorBook): string => `${Number(meanAbsolute.toPrecision(2))} ${unit}`;
  if (isForest) return `the forest was off by ${off(forest)} over the last ${forest.count}, the line by ${off(line)}`;
  const fewest = Math.min(forest.count, line.count);
  if (fewest < enough) return `the forest learns beside it: compared ${fewest} of ${enough} times`;
  return `the line was off by ${off(line)} over the last ${line.count}, the forest by ${off(forest)}: it must be better by ${Math.round((1 - clearly) * 100)} %`;
}

/** What a forest looks at: the share of its splits on each feature, in the order it takes them. */
export const splitWeights = (forest: RegressionForest, features: readonly string[]): NonNullable<LearntPlace['weights']> =>
  forest.splitShares(features.length).map((value, index) => ({ feature: features[index]!, value, unit: 'of its splits' }));
