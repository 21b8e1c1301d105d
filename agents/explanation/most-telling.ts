import type { Candidate, DecisionRecord, Premise } from '../decision/record.ts';
import { collectPremises } from './premises.ts';

/** A thousand nodes make a record of 2 MB, more than a message may have: it holds so many at most, of each. */
export const mostFeasible = 48;
const mostRejected = 16;

/**
 * What of a decision is worth recording when it had very many candidates: the best ones, those named in `always`, some that were ruled out
 * (one of each rule first), and the premises that these rest on. All were scored; how many are left out is told.
 */
export function mostTelling(
  candidates: Candidate[],
  premises: Premise[],
  always: string[],
  /** Feasible ones with lower scores than all of these, which nobody has written out. */
  unwritten = 0,
): Pick<DecisionRecord, 'candidates' | 'premises' | 'leftOut'> {
  const feasible = candidates.filter(({ score }) => score !== null);
  const rejected = candidates.filter(({ score }) => score === null);
  if (feasible.length <= mostFeasible && rejected.length <= mostRejected)
    return { candidates, premises, ...(unwritten > 0 && { leftOut: { feasible: unwritten, rejected: 0 } }) };
  const best = feasible.toSorted((a, b) => b.score! - a.score!).slice(0, mostFeasible);
  const rules = new Map(rejected.map((candidate) => [candidate.rejected?.rule, candidate]));
  const telling = new Set([...rules.values(), ...rejected].slice(0, mostRejected));
  const kept = new Set([...best, ...telling, ...candidates.filter(({ id }) => always.includes(id))]);
  const [read, unread] = [new Set<string>(), new Set<string>()];
  for (const candidate of candidates)
    for (const { expression } of [...candidate.terms, ...candidate.predicted])
      if (expression) collectPremises(expression, kept.has(candidate) ? read : unread);
  const recorded = candidates.filter((candidate) => kept.has(candidate));
  const count = (of: Candidate[]): number => of.reduce((sum, candidate) => sum + (kept.has(candidate) ? 0 : 1), 0);
  return {
    candidates: recorded,
    premises: premises.filter(({ id }) => read.has(id) || !unread.has(id)),
    leftOut: { feasible: count(feasible) + unwritten, rejected: count(rejected) },
  };
}
