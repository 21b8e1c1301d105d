import { add, type Expression, evaluate, subtract } from '../decision/expression.ts';
import type { Candidate, DecisionRecord, Outcome, Premise } from '../decision/record.ts';
import { contributions } from './contributions.ts';
import { collectPremises } from './premises.ts';
import { bestChange, recordedValues, scoreOf } from './what-if.ts';

export interface Contribution {
  /** Premise id. */
  premise: string;
  name: string;
  /** How much of the margin (or of the outcome) this premise accounts for, in the unit of what is explained. */
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
  /** false when a part of the score had too many premises to enumerate, and was sampled. */
  exact: boolean;
  /** Standard errors by premise, of what was sampled; {} when exact. */
  errors: Record<string, number>;
}

type Explained = Pick<DecisionRecord, 'premises' | 'candidates' | 'choice' | 'stay'>;

/**
 * Shapley values of the premises on the margin of a decision: score of the chosen change (of the best one when it stayed) minus score of
 * staying. A premise that is not in a coalition has its usual value; those that are as usual, or in no term, contribute 0 by the dummy axiom.
 * See contributions.ts for when they are exact. null when there was no feasible change.
 */
export function explain(record: Explained): Explanation | null {
  const stay = record.candidates.find(({ id }) => id === record.stay);
  const change = explainedChange(record);
  if (!stay || stay.score === null || !change || change.score === null) return null;
  const actual = recordedValues(record);
  const usual = usualValues(record);
  const score = (candidate: Candidate): Expression => add(0, ...candidate.terms.map(({ expression }) => expression));
  return {
    change: change.id,
    base: scoreOf(change, usual) - scoreOf(stay, usual),
    margin: scoreOf(change, actual) - scoreOf(stay, actual),
    ...told(record, subtract(score(change), score(stay))),
  };
}

export interface OutcomeExplanation extends Pick<Explanation, 'contributions' | 'exact' | 'errors'> {
  metric: string;
  /** Unit of base, value and contributions. */
  unit: string;
  /** The prediction had every premise been as it usually is. */
  base: number;
  /** The prediction as it was. base + Σ contributions = value. */
  value: number;
  /** Whether these are worked out from the record, or what the model said of itself. */
  by: 'record' | 'model';
}

/**
 * Shapley values of the premises on what a candidate was predicted to lead to, in the unit of that outcome: "people in view contributes +61 ms".
 * A model from outside that explained itself is taken at its word. undefined when the prediction is no expression over premises.
 */
export function explainOutcome(record: Pick<DecisionRecord, 'premises'>, outcome: Outcome): OutcomeExplanation | undefined {
  const { metric, unit, expression, explanation } = outcome;
  if (explanation) {
    const names = new Map(record.premises.map(({ id, name }) => [id, name]));
    const byModel = Object.entries(explanation.contributions).map(([premise, value]) => ({
      premise,
      name: names.get(premise) ?? premise,
      value,
    }));
    byModel.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    const { value } = outcome;
    return { metric, unit, base: explanation.base, value, by: 'model', contributions: byModel, exact: true, errors: {} };
  }
  if (!expression) return undefined;
  return {
    metric,
    unit,
    by: 'record',
    base: evaluate(expression, usualValues(record)),
    value: evaluate(expression, recordedValues(record)),
    ...told(record, expression),
  };
}

/** The change that a decision is told by: the chosen one, or the best one when it stayed. */
export const explainedChange = (record: Explained): Candidate | undefined =>
  record.choice === record.stay
    ? bestChange(record.candidates, record.stay)
    : record.candidates.find(({ id }) => id === record.choice);

const usualValues = (record: Pick<DecisionRecord, 'premises'>): Record<string, number> =>
  Object.fromEntries(record.premises.map((premise) => [premise.id, premise.usual]));

function told(
  { premises }: { premises: Premise[] },
  expression: Expression,
): Pick<Explanation, 'contributions' | 'exact' | 'errors'> {
  const used = new Set<string>();
  collectPremises(expression, used);
  const { values, errors } = contributions(expression, recordedValues({ premises }), usualValues({ premises }));
  return {
    contributions: premises
      .filter(({ id, value, usual }) => used.has(id) && value !== usual)
      .map(({ id, name }) => ({ premise: id, name, value: values.get(id) ?? 0 }))
      .sort((a, b) => Math.abs(b.value) - Math.abs(a.value)),
    exact: errors.size === 0,
    errors: Object.fromEntries(errors),
  };
}
