import { type Expression, evaluate, type PremiseValues } from '../decision/expression.ts';
import { walk } from '../decision/trees.ts';
import { collectPremises } from './premises.ts';
import { type TreeArgument, visitLeaves } from './tree-shapley.ts';

/** What each player's premise is when it is in a coalition (actual) and when it is not (usual). */
export interface Game {
  /** Premise of each player. */
  players: readonly string[];
  actual: PremiseValues;
  usual: PremiseValues;
}

/**
 * Value of an expression under every coalition: entry m has the premises whose bits are set in m at their actual values, all others at their
 * usual ones. All at once rather than one by one, as trees then cost their leaves and a transform (see below), not 2ⁿ walks.
 */
export function overCoalitions(expression: Expression, game: Game): Float64Array {
  const size = 1 << game.players.length;
  const fill = (value: number): Float64Array => new Float64Array(size).fill(value);
  const fold = (args: readonly Expression[], start: number, step: (a: number, b: number) => number): Float64Array => {
    const result = fill(start);
    for (const arg of args) {
      const values = overCoalitions(arg, game);
      for (let mask = 0; mask < size; mask++) result[mask] = step(result[mask]!, values[mask]!);
    }
    return result;
  };
  switch (expression.op) {
    case 'const':
      return fill(expression.value);
    case 'premise': {
      const result = fill(evaluate(expression, game.usual));
      const bit = 1 << game.players.indexOf(expression.id);
      if (!game.players.includes(expression.id)) return result;
      const value = evaluate(expression, game.actual);
      for (let mask = 0; mask < size; mask++) if (mask & bit) result[mask] = value;
      return result;
    }
    case 'add':
      return fold(expression.args, 0, (a, b) => a + b);
    case 'mul':
      return fold(expression.args, 1, (a, b) => a * b);
    case 'min':
      return fold(expression.args, Number.POSITIVE_INFINITY, Math.min);
    case 'max':
      return fold(expression.args, Number.NEGATIVE_INFINITY, Math.max);
    case 'sub':
    case 'div': {
      const [left, right] = expression.args.map((arg) => overCoalitions(arg, game)) as [Float64Array, Float64Array];
      return left.map(expression.op === 'sub' ? (value, mask) => value - right[mask]! : (value, mask) => value / right[mask]!);
    }
    case 'atMost': {
      const [left, right] = expression.args.map((arg) => overCoalitions(arg, game)) as [Float64Array, Float64Array];
      const [yes, no] = [overCoalitions(expression.then, game), overCoalitions(expression.else, game)];
      return left.map((value, mask) => (value <= right[mask]! ? yes[mask]! : no[mask]!));
    }
    case 'trees': {
      const args = treeArguments(expression.args, game);
      const sums = args ? treeSums(expression.trees, args, size) : walkedSums(expression, game, size);
      return sums.map((sum) => expression.base + expression.scale * sum);
    }
  }
}

/** Arguments of trees, each told by at most one player; undefined when one of them mixes several. */
export function treeArguments(args: readonly Expression[], { players, actual, usual }: Game): TreeArgument[] | undefined {
  const found: TreeArgument[] = [];
  for (const arg of args) {
    const used = new Set<string>();
    collectPremises(arg, used);
    const own = players.filter((player) => used.has(player));
    if (own.length > 1) return undefined;
    const player = own[0] === undefined ? -1 : players.indexOf(own[0]);
    found.push({ actual: evaluate(arg, actual), usual: evaluate(arg, player === -1 ? actual : usual), player });
  }
  return found;
}

/**
 * Sums of trees under every coalition. A leaf counts for the coalitions that hold all of its actual players and none of its usual ones; written
 * as signed counts for supersets (inclusion and exclusion), all leaves are summed by one transform over subsets (Yates).
 */
function treeSums(
  trees: Extract<Expression, { op: 'trees' }>['trees'],
  args: readonly TreeArgument[],
  size: number,
): Float64Array {
  const sums = new Float64Array(size);
  for (const tree of trees)
    visitLeaves(tree, args, (value, actual, usual) => {
      const held = actual.reduce((mask, player) => mask | (1 << player), 0);
      const kept = usual.reduce((mask, player) => mask | (1 << player), 0);
      for (let part = kept; ; part = (part - 1) & kept) {
        sums[held | part]! += isOdd(part) ? -value : value;
        if (part === 0) break;
      }
    });
  for (let bit = 1; bit < size; bit <<= 1)
    for (let mask = 0; mask < size; mask++) if (mask & bit) sums[mask]! += sums[mask ^ bit]!;
  return sums;
}

function walkedSums({ args, trees }: Extract<Expression, { op: 'trees' }>, game: Game, size: number): Float64Array {
  const values = args.map((arg) => overCoalitions(arg, game));
  const here = new Float64Array(args.length);
  return new Float64Array(size).map((_, mask) => {
    values.forEach((value, index) => {
      here[index] = value[mask]!;
    });
    return trees.reduce((sum, tree) => sum + walk(tree, here), 0);
  });
}

function isOdd(mask: number): boolean {
  let odd = false;
  for (let rest = mask; rest; rest &= rest - 1) odd = !odd;
  return odd;
}
