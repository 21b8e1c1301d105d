import type { Tree } from '../decision/trees.ts';

/** An argument of the trees under the actual and under the usual premises, and whose it is: player, or −1 when it is the same under both. */
export interface TreeArgument {
  actual: number;
  usual: number;
  player: number;
}

/** A leaf that some mixtures lead to: those that have every player of `actual` actual and every player of `usual` usual. */
type Visit = (value: number, actual: readonly number[], usual: readonly number[]) => void;

/** Visits the leaves of a tree that any mixture of actual and usual arguments leads to, with the players it takes to get there. */
export function visitLeaves(tree: Tree, args: readonly TreeArgument[], visit: Visit): void {
  const actual: number[] = [];
  const usual: number[] = [];
  const descend = (at: number): void => {
    const node = tree[at]!;
    if (node.length === 1) {
      visit(node[0], actual, usual);
      return;
    }
    const [argument, threshold, left, right] = node;
    const arg = args[argument]!;
    const actualWay = arg.actual <= threshold ? left : right;
    const usualWay = arg.usual <= threshold ? left : right;
    if (actualWay === usualWay || actual.includes(arg.player)) descend(actualWay);
    else if (usual.includes(arg.player)) descend(usualWay);
    else {
      actual.push(arg.player);
      descend(actualWay);
      actual.pop();
      usual.push(arg.player);
      descend(usualWay);
      usual.pop();
    }
  };
  descend(0);
}

/**
 * Exact Shapley values of the players on the sum of the trees, against one background (interventional TreeSHAP: Lundberg et al., From local
 * explanations to global understanding with explainable AI for trees, Nature Machine Intelligence 2, 2020; Laberge & Pequignot 2022). A leaf of
 * value v that takes a players at their actual and b at their usual values gives each of the first v (a − 1)! b! / (a + b)! and takes from each
 * of the second v a! (b − 1)! / (a + b)!. Time: the leaves within reach.
 */
export function treeShapley(trees: readonly Tree[], args: readonly TreeArgument[], playerCount: number): Float64Array {
  const values = new Float64Array(playerCount);
  for (const tree of trees)
    visitLeaves(tree, args, (value, actual, usual) => {
      const [a, b] = [actual.length, usual.length];
      if (a > 0) {
        const share = value * shareOf(a, b);
        for (const player of actual) values[player]! += share;
      }
      if (b > 0) {
        const share = value * shareOf(b, a);
        for (const player of usual) values[player]! -= share;
      }
    });
  return values;
}

/** (a − 1)! b! / (a + b)!, as 1 / (a · C(a + b, a)). */
function shareOf(a: number, b: number): number {
  const row = shares[a] ?? [];
  shares[a] = row;
  const known = row[b];
  if (known !== undefined) return known;
  let combinations = 1;
  for (let i = 1; i <= a; i++) combinations = (combinations * (b + i)) / i;
  const share = 1 / (a * combinations);
  row[b] = share;
  return share;
}
const shares: number[][] = [];
