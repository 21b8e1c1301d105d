import { evaluate, type PremiseValues } from '../decision/expression.ts';
import type { Candidate, DecisionRecord } from '../decision/record.ts';

/** What of a record its re-scoring rests on: all of it is in the record, none in the policy's code. */
export type Scored = Pick<
  DecisionRecord,
  'premises' | 'candidates' | 'choice' | 'stay' | 'neededMargin' | 'coolDownUntil' | 'time' | 'exploration'
>;

export interface Rescored {
  candidates: Candidate[];
  choice: string;
  /** Score of the best feasible change minus score of staying; null when there is no feasible change. */
  margin: number | null;
}

/** The recorded values of a record's premises. */
export const recordedValues = (record: Pick<DecisionRecord, 'premises'>): Record<string, number> =>
  Object.fromEntries(record.premises.map(({ id, value }) => [id, value]));

/** Score of a candidate under premise values. @throws RangeError when a premise is missing. */
export const scoreOf = (candidate: Candidate, values: PremiseValues): number =>
  candidate.terms.reduce((sum, term) => sum + evaluate(term.expression, values), 0);

/** The feasible change with the highest score (the first of equals), or undefined. */
export function bestChange(candidates: Candidate[], stay: string): Candidate | undefined {
  return candidates.reduce<Candidate | undefined>(
    (best, candidate) =>
      candidate.id === stay || candidate.score === null || (best && best.score! >= candidate.score) ? best : candidate,
    undefined,
  );
}

/** The rule by which every policy chooses: the best feasible change, when it beats staying by the needed margin and may be made now. */
export function choose(
  candidates: Candidate[],
  stay: string,
  neededMargin: number,
  mayChange: boolean,
): { choice: string; margin: number | null } {
  const best = bestChange(candidates, stay);
  const staying = candidates.find(({ id }) => id === stay)?.score ?? null;
  // Where staying itself is not possible, any feasible change is better.
  const margin = best ? (staying === null ? Number.MAX_VALUE : best.score! - staying) : null;
  const changes = best !== undefined && margin !== null && mayChange && margin >= neededMargin && margin > 0;
  return { choice: changes ? best.id : stay, margin };
}

/** Whether a cool-down kept the recorded decision from changing anything. */
export const wasCoolingDown = (record: Scored): boolean =>
  record.choice === record.stay && record.coolDownUntil !== undefined && record.coolDownUntil > record.time;

/**
 * The decision again under other premise values; those not named keep their recorded ones. What was rejected stays rejected, and a cool-down
 * that was on stays on.
 */
export function rescore(record: Scored, premiseValues: PremiseValues): Rescored {
  const values = { ...recordedValues(record), ...premiseValues };
  const candidates = record.candidates.map((candidate): Candidate => {
    const predicted = candidate.predicted.map((outcome) =>
      outcome.expression ? { ...outcome, value: evaluate(outcome.expression, values) } : outcome,
    );
    if (candidate.score === null) return { ...candidate, predicted };
    const terms = candidate.terms.map((term) => ({ ...term, value: evaluate(term.expression, values) }));
    return { ...candidate, predicted, terms, score: terms.reduce((sum, term) => sum + term.value, 0) };
  });
  return { candidates, ...choose(candidates, record.stay, record.neededMargin, !wasCoolingDown(record)) };
}
