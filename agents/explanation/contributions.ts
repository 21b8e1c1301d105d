import { type Expression, evaluate, type PremiseValues } from '../decision/expression.ts';
import { type Game, overCoalitions, treeArguments } from './coalitions.ts';
import { partsOf } from './parts.ts';
import { collectPremises } from './premises.ts';
import { treeShapley } from './tree-shapley.ts';

/** Coalitions double with each premise: 2^16 are 65,536 values, some 20 ms. */
export const mostPlayers = 16;
/** Values asked for one part that is sampled, about: some 20 ms for a small one. */
const sampledValues = 20_000;
const fewestPairs = 50;

/** By premise: how much of the change from usual to actual it accounts for, and the standard error of that where it was sampled. */
export interface Contributions {
  values: Map<string, number>;
  errors: Map<string, number>;
}

/**
 * Shapley values (Shapley 1953) of premises on an expression: each premise is either as it is (`actual`) or as it usually is. The expression is
 * taken apart into a sum first. Lines and trees are exact for any number of premises; another part is exact up to 16 premises of its own, and
 * sampled past that, by orders of arrival and their reverses (Castro et al. 2009; antithetic pairs), always in the same way for the same record.
 */
export function contributions(
  expression: Expression,
  actual: PremiseValues,
  usual: PremiseValues,
  random: () => number = seeded(1),
): Contributions {
  const values = new Map<string, number>();
  const variances = new Map<string, number>();
  for (const { weight, expression: part } of partsOf(expression, actual, usual).parts) {
    const used = new Set<string>();
    collectPremises(part, used);
    const players = [...used].filter((id) => actual[id] !== usual[id]);
    const { shares, errors } = ofPart(part, { players, actual, usual }, random);
    for (const [index, id] of players.entries()) {
      values.set(id, (values.get(id) ?? 0) + weight * shares[index]!);
      if (errors) variances.set(id, (variances.get(id) ?? 0) + (weight * errors[index]!) ** 2);
    }
  }
  return { values, errors: new Map([...variances].map(([id, variance]) => [id, Math.sqrt(variance)])) };
}

interface Shares {
  shares: ArrayLike<number>;
  errors?: ArrayLike<number>;
}

function ofPart(part: Expression, game: Game, random: () => number): Shares {
  const { players, actual, usual } = game;
  if (players.length === 1) return { shares: [evaluate(part, actual) - evaluate(part, usual)] };
  const args = part.op === 'trees' ? treeArguments(part.args, game) : undefined;
  if (part.op === 'trees' && args) {
    const shares = treeShapley(part.trees, args, players.length);
    return { shares: shares.map((share) => share * part.scale) };
  }
  if (players.length > mostPlayers) return sampled(part, game, random);
  const worths = overCoalitions(part, game);
  return { shares: shapley(players.length, (mask) => worths[mask]!) };
}

/**
 * Shapley values of a game of `count` players; `worth` takes a coalition as a bit mask. Each worth is asked once.
 * @throws RangeError past 16 players.
 */
export function shapley(count: number, worth: (coalition: number) => number): number[] {
  if (count > mostPlayers) throw new RangeError(`${count} players have too many coalitions to enumerate; at most ${mostPlayers}`);
  const size = 1 << count;
  const worths = new Float64Array(size);
  for (let mask = 0; mask < size; mask++) worths[mask] = worth(mask);
  // Weight of a coalition of s players: s! (n − s − 1)! / n! = 1 / (n · C(n − 1, s)).
  const weights: number[] = [];
  let combinations = 1;
  for (let s = 0; s < count; s++) {
    weights.push(1 / (count * combinations));
    combinations = (combinations * (count - 1 - s)) / (s + 1);
  }
  const values = new Array<number>(count).fill(0);
  for (let mask = 0; mask < size; mask++) {
    const weight = weights[bitCount(mask)];
    if (weight === undefined) continue;
    for (let player = 0; player < count; player++)
      if (!(mask & (1 << player))) values[player]! += weight * (worths[mask | (1 << player)]! - worths[mask]!);
  }
  return values;
}

function bitCount(mask: number): number {
  let count = 0;
  for (let rest = mask; rest; rest &= rest - 1) count++;
  return count;
}

/** Mean over orders of arrival and their reverses, and its standard error over such pairs. */
function sampled(part: Expression, { players, actual, usual }: Game, random: () => number): Shares {
  const count = players.length;
  const pairs = Math.max(fewestPairs, Math.floor(sampledValues / (2 * count)));
  const sums = new Float64Array(count);
  const squares = new Float64Array(count);
  const order = players.map((_, index) => index);
  for (let pair = 0; pair < pairs; pair++) {
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    const gains = new Float64Array(count);
    for (const arrivals of [order, order.toReversed()]) {
      const mixed = { ...usual };
      let before = evaluate(part, mixed);
      for (const player of arrivals) {
        mixed[players[player]!] = actual[players[player]!]!;
        const after = evaluate(part, mixed);
        gains[player]! += (after - before) / 2;
        before = after;
      }
    }
    for (const [player, gain] of gains.entries()) {
      sums[player]! += gain;
      squares[player]! += gain ** 2;
    }
  }
  const shares = sums.map((sum) => sum / pairs);
  const errors = squares.map((square, player) => Math.sqrt(Math.max(square / pairs - shares[player]! ** 2, 0) / (pairs - 1)));
  return { shares, errors };
}

/** A generator of numbers in 0–1 (mulberry32): the same numbers each time, so that a record is always explained alike. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
