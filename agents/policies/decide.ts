import { evaluate } from '../decision/expression.ts';
import type { Candidate, DecisionRecord } from '../decision/record.ts';
import { mostTelling } from '../explanation/most-telling.ts';
import { tell } from '../explanation/sentence.ts';
import { choose, recordedValues } from '../explanation/what-if.ts';
import type { Proposal, Trigger } from './policy.ts';

export interface DecisionContext {
  id: string;
  now: number;
  agent: DecisionRecord['agent'];
  policy: DecisionRecord['policy'];
  /** When this component (or application) was last changed; undefined when never. */
  lastChangeAt: number | undefined;
}

/** Scores a proposal, chooses, and writes the whole record. Pure. */
export function decide(proposal: Proposal, trigger: Trigger, context: DecisionContext): DecisionRecord {
  const values = recordedValues(proposal);
  const candidates = proposal.options.map((option): Candidate => {
    const predicted = option.predicted.map((outcome) => ({ ...outcome, value: evaluate(outcome.expression, values) }));
    const terms = option.terms.map((term) => ({ ...term, value: evaluate(term.expression, values) }));
    const score = option.rejected ? null : terms.reduce((sum, term) => sum + term.value, 0);
    const { id, label, action, rejected } = option;
    return { id, label, action, ...(rejected && { rejected }), predicted, terms: rejected ? [] : terms, score };
  });
  const coolsUntil = context.lastChangeAt === undefined ? 0 : context.lastChangeAt + proposal.coolDownS * 1000;
  const isCooling = coolsUntil > context.now;
  const { choice, margin } = choose(candidates, proposal.stay, proposal.neededMargin, !isCooling);
  const isChange = choice !== proposal.stay;
  const kept = mostTelling(candidates, proposal.premises, [proposal.stay, choice], proposal.unwritten);
  const record = {
    id: context.id,
    revision: 0,
    time: context.now,
    agent: context.agent,
    policy: context.policy,
    application: trigger.application,
    component: trigger.component,
    trigger: { kind: trigger.kind, text: trigger.text },
    ...kept,
    choice,
    stay: proposal.stay,
    margin,
    neededMargin: proposal.neededMargin,
    ...(isCooling && { coolDownUntil: coolsUntil }),
    ...(isChange && proposal.coolDownS > 0 && { coolDownUntil: context.now + proposal.coolDownS * 1000 }),
    exploration: isChange && (proposal.explores?.(choice) ?? false),
    horizonS: proposal.horizonS,
    expected: candidates.find(({ id }) => id === choice)?.predicted ?? [],
  };
  return { ...record, ...tell(record) };
}
