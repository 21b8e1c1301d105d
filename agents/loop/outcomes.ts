import { z } from 'zod';
import { evaluate, expressionSchema } from '../decision/expression.ts';
import { type DecisionRecord, decisionRecordSchema } from '../decision/record.ts';
import { rescore } from '../explanation/what-if.ts';
import type { SlidingWindow } from '../telemetry/window.ts';

const seriesQuerySchema = z.object({
  metric: z.string(),
  node: z.string().optional(),
  application: z.string().optional(),
  component: z.string().optional(),
  peer: z.string().optional(),
});

const outcomeSchema = z.object({
  metric: z.string(),
  unit: z.string(),
  query: seriesQuerySchema,
  term: z.object({ name: z.string(), expression: expressionSchema }),
});

/** By what a decision will be judged: where its premises can be read again, and the metric that tells how it turned out, if any does. */
export const expectsSchema = z.object({
  readings: z.record(z.string(), seriesQuerySchema),
  outcome: outcomeSchema.optional(),
});

/** A decision whose outcome is not known yet; kept on disk, so that a restart does not lose it. */
export const pendingOutcomeSchema = z.object({
  record: decisionRecordSchema,
  dueAt: z.number(),
  readings: z.record(z.string(), seriesQuerySchema),
  outcome: outcomeSchema,
});
export type PendingOutcome = z.infer<typeof pendingOutcomeSchema>;

/** undefined when the policy named nothing by which to tell how it turned out. */
export function pendingOutcome(record: DecisionRecord, expects: z.infer<typeof expectsSchema>): PendingOutcome | undefined {
  const { readings, outcome } = expects;
  return outcome && { record, dueAt: record.time + record.horizonS * 1000, readings, outcome };
}

/**
 * What came of a decision: the median of its metric in the second half of the horizon (the first may still show the change itself), and
 * the regret: how much better the best candidate would have scored under the premises as they turned out than the chosen one did, its
 * own outcome measured rather than predicted. undefined when nothing was measured.
 */
export function actualOutcome(pending: PendingOutcome, window: SlidingWindow): DecisionRecord['actual'] | undefined {
  const { record, readings, outcome, dueAt } = pending;
  const since = dueAt - record.horizonS * 500;
  const points = window.points(outcome.query, since).filter(({ time }) => time <= dueAt);
  const value = window.usual(outcome.query, since);
  if (points.length === 0 || value === undefined) return undefined;
  const low = window.quantile(outcome.query, 0.16, since) ?? value;
  const high = window.quantile(outcome.query, 0.84, since) ?? value;

  const hindsight: Record<string, number> = Object.fromEntries(record.premises.map((premise) => [premise.id, premise.value]));
  for (const [id, query] of Object.entries(readings)) hindsight[id] = window.usual(query, since) ?? hindsight[id] ?? 0;
  const { candidates } = rescore(record, hindsight);
  const chosen = candidates.find(({ id }) => id === record.choice);
  let regret: number | null = null;
  if (chosen && chosen.score !== null) {
    const predictedTerm = chosen.terms.find(({ name }) => name === outcome.term.name)?.value ?? 0;
    const actualTerm = evaluate(outcome.term.expression, { ...hindsight, actual: value });
    const realised = chosen.score - predictedTerm + actualTerm;
    const others = candidates.filter(({ id, score }) => id !== record.choice && score !== null).map(({ score }) => score!);
    regret = Math.max(0, Math.max(realised, ...others) - realised);
  }
  return { at: dueAt, outcomes: [{ metric: outcome.metric, unit: outcome.unit, value, deviation: (high - low) / 2 }], regret };
}
