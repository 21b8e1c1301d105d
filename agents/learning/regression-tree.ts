import type { Tree } from '../decision/trees.ts';

export interface Sample {
  features: readonly number[];
  actual: number;
}

export interface TreeOptions {
  depth: number;
  /** Fewest samples on each side of a split. */
  leastLeaf: number;
  /** Features tried for each split, drawn anew. */
  tried: number;
}

interface Split {
  feature: number;
  threshold: number;
  gain: number;
}

/**
 * Grows a regression tree (CART: Breiman et al. 1984) on samples: each split is the one that leaves the least squared error, among some
 * features drawn at random. A generator, so that it can be grown a piece at a time: it yields the work done since the last, in samples × features.
 */
export function* growTree(samples: readonly Sample[], options: TreeOptions, random: () => number): Generator<number, Tree> {
  const tree: Tree = [];
  // Breadth first: children stand after their parent, as a record's trees must.
  const open: { at: number; samples: readonly Sample[]; depth: number }[] = [{ at: 0, samples, depth: 0 }];
  tree.push([mean(samples)]);
  for (const { at, samples: here, depth } of open) {
    if (depth >= options.depth || here.length < 2 * options.leastLeaf) continue;
    const features = drawn(here[0]!.features.length, options.tried, random);
    let best: Split | undefined;
    for (const feature of features) {
      const split = bestSplit(here, feature, options.leastLeaf);
      if (split && split.gain > (best?.gain ?? 0)) best = split;
      yield here.length;
    }
    if (!best) continue;
    const { feature, threshold } = best;
    const left = here.filter(({ features: values }) => values[feature]! <= threshold);
    const right = here.filter(({ features: values }) => values[feature]! > threshold);
    tree[at] = [feature, threshold, tree.length, tree.length + 1];
    open.push({ at: tree.length, samples: left, depth: depth + 1 }, { at: tree.length + 1, samples: right, depth: depth + 1 });
    tree.push([mean(left)], [mean(right)]);
  }
  return tree;
}

/** The threshold on a feature that lessens the squared error most; undefined when its values do not differ enough. */
function bestSplit(samples: readonly Sample[], feature: number, leastLeaf: number): Split | undefined {
  const ordered = samples.toSorted((a, b) => a.features[feature]! - b.features[feature]!);
  const count = ordered.length;
  const centre = mean(ordered);
  // About the mean, or the difference of large squares would lose what is looked for.
  const total = ordered.reduce((sum, { actual }) => sum + actual - centre, 0);
  let [best, leftSum]: [Split | undefined, number] = [undefined, 0];
  for (let i = 0; i < count - leastLeaf; i++) {
    leftSum += ordered[i]!.actual - centre;
    const [value, next] = [ordered[i]!.features[feature]!, ordered[i + 1]!.features[feature]!];
    if (i + 1 < leastLeaf || value === next) continue;
    const gain = leftSum ** 2 / (i + 1) + (total - leftSum) ** 2 / (count - i - 1) - total ** 2 / count;
    // The middle of two neighbouring numbers may round to the upper one, which then would not be on its side.
    const middle = value + (next - value) / 2;
    if (gain > (best?.gain ?? 1e-12)) best = { feature, threshold: middle < next ? middle : value, gain };
  }
  return best;
}

function drawn(count: number, wanted: number, random: () => number): number[] {
  const all = Array.from({ length: count }, (_, index) => index);
  for (let i = 0; i < Math.min(wanted, count); i++) {
    const j = i + Math.floor(random() * (count - i));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all.slice(0, wanted);
}

const mean = (samples: readonly Sample[]): number =>
  samples.length === 0 ? 0 : samples.reduce((sum, { actual }) => sum + actual, 0) / samples.length;
