import type { Expression } from '../decision/expression.ts';
import type { Candidate, DecisionRecord } from '../decision/record.ts';
import { bestChange, recordedValues, scoreOf } from './what-if.ts';

export interface Contribution {
  /** Premise id; "others" for those that are told together. */
  premise: string;
  name: string;
  /** How much of the margin this premise accounts for, in units of the score. */
  value: number;
}

export interface Explanation {
  /** The change that was held against staying. */
  change: string;
  /** Margin had every premise been as it usually is. */
  base: number;
  /** Margin as it was. base + Σ contributions = margin. */
  margin: number;
  /** Largest first, by amount. */
  contributions: Contribution[];
}

/** Coalitions double with each premise: 2^16 are 65,536 margins, some 20 ms. */
export const mostPremises = 16;

/** What a contribution is told of. */
interface Player {
  id: string;
  name: string;
  premises: string[];
}

/**
 * Exact Shapley values (Shapley 1953) of the premises on the margin of a decision: score of the chosen change (of the best one when it
 * stayed) minus score of staying. A premise that is not in a coalition has its usual value. Premises that are as usual, or in no term,
 * contribute 0 by the dummy axiom and are not enumerated. Past 16, those with the smallest effect of their own are told together, as "others".
 * null when there was no feasible change.
 */
export function explain(record: Pick<DecisionRecord, 'premises' | 'candidates' | 'choice' | 'stay'>): Explanation | null {
  const stay = record.candidates.find(({ id }) => id === record.stay);
  const change =
    record.choice === record.stay
      ? bestChange(record.candidates, record.stay)
      : record.candidates.find(({ id }) => id === record.choice);
  if (!stay || stay.score === null || !change || change.score === null) return null;

  const actual = recordedValues(record);
  const usual = Object.fromEntries(record.premises.map((premise) => [premise.id, premise.usual]));
  const marginAt = (values: Record<string, number>): number => scoreOf(change, values) - scoreOf(stay, values);
  const players = choosePlayers(record, [change, stay], (id) => marginAt({ ...usual, [id]: actual[id]! }) - marginAt(usual));
  const values = shapley(players.length, (mask) => {
    const mixed = { ...usual };
    players.forEach((player, index) => {
      if (mask & (1 << index)) for (const id of player.premises) mixed[id] = actual[id]!;
    });
    return marginAt(mixed);
  });
  return {
    change: change.id,
    base: marginAt(usual),
    margin: marginAt(actual),
    contributions: players
      .map(({ id, name }, index) => ({ premise: id, name, value: values[index]! }))
      .sort((a, b) => Math.abs(b.value) - Math.abs(a.value)),
  };
}

/**
 * Shapley values of a game of `count` players; `worth` takes a coalition as a bit mask. Each worth is asked once.
 * @throws RangeError past 16 players.
 */
export function shapley(count: number, worth: (coalition: number) => number): number[] {
  if (count > mostPremises)
    throw new RangeError(`${count} players have too many coalitions to enumerate; at most ${mostPremises}`);
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

function choosePlayers(
  record: Pick<DecisionRecord, 'premises'>,
  candidates: Candidate[],
  effect: (premise: string) => number,
): Player[] {
  const used = new Set<string>();
  for (const candidate of candidates) for (const term of candidate.terms) collectPremises(term.expression, used);
  const players = record.premises
    .filter((premise) => used.has(premise.id) && premise.value !== premise.usual)
    .map(({ id, name }): Player => ({ id, name, premises: [id] }));
  if (players.length <= mostPremises) return players;
  const ordered = players
    .map((player) => ({ player, effect: Math.abs(effect(player.id)) }))
    .sort((a, b) => b.effect - a.effect)
    .map(({ player }) => player);
  const rest = ordered.slice(mostPremises - 1);
  return [
    ...ordered.slice(0, mostPremises - 1),
    { id: 'others', name: `${rest.length} others`, premises: rest.map(({ id }) => id) },
  ];
}

/** Adds the ids of all premises that an expression reads. */
export function collectPremises(expression: Expression, into: Set<string>): void {
  switch (expression.op) {
    case 'const':
      return;
    case 'premise':
      into.add(expression.id);
      return;
    case 'atMost':
      for (const part of [...expression.args, expression.then, expression.else]) collectPremises(part, into);
      return;
    default:
      for (const part of expression.args) collectPremises(part, into);
  }
}
