import { type DecisionRecord, isAct } from '../../state/types.ts';

/** A policy in one of its versions. */
export const policyKey = ({ policy }: Pick<DecisionRecord, 'policy'>): string => `${policy.name} ${policy.version}`;

export interface PolicyRecord {
  decisions: number;
  acts: number;
  nonActs: number;
  explored: number;
  /** Of plans that came to an end. */
  plansFailed: number;
  plansEnded: number;
  /** null while nothing of the kind is known. */
  meanMargin: number | null;
  meanRegret: number | null;
  regretted: number;
  /** Decisions whose outcome was taken. */
  judged: number;
  outcomes: Map<string, { unit: string; mean: number; error: number | null; count: number }>;
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

/** How a policy did in a window of time, from the records alone. */
export function recordOf(decisions: readonly DecisionRecord[], key: string, from: number, to: number): PolicyRecord {
  const own = decisions.filter((record) => policyKey(record) === key && record.time >= from && record.time <= to);
  const judged = own.filter(({ actual }) => actual !== undefined);
  const regrets = judged.flatMap(({ actual }) => (actual?.regret == null ? [] : [actual.regret]));
  // A margin as large as numbers go stands for "staying was not possible".
  const margins = own.flatMap(({ margin }) => (margin === null || Math.abs(margin) >= Number.MAX_VALUE ? [] : [margin]));
  const ended = own.filter(({ plan }) => plan?.status === 'completed' || plan?.status === 'failed');
  const gathered = new Map<string, { unit: string; values: number[]; errors: number[] }>();
  for (const { actual, expected } of judged)
    for (const { metric, unit, value } of actual?.outcomes ?? []) {
      const all = gathered.get(metric) ?? { unit, values: [], errors: [] };
      all.values.push(value);
      const foreseen = expected.find((outcome) => outcome.metric === metric);
      if (foreseen) all.errors.push(Math.abs(value - foreseen.value));
      gathered.set(metric, all);
    }
  const acts = own.filter(isAct).length;
  return {
    decisions: own.length,
    acts,
    nonActs: own.length - acts,
    explored: own.filter(({ exploration }) => exploration).length,
    plansFailed: ended.filter(({ plan }) => plan?.status === 'failed').length,
    plansEnded: ended.length,
    meanMargin: mean(margins),
    meanRegret: mean(regrets),
    regretted: regrets.filter((regret) => regret > 0).length,
    judged: judged.length,
    outcomes: new Map(
      [...gathered].map(([metric, { unit, values, errors }]) => [
        metric,
        { unit, mean: mean(values) ?? 0, error: mean(errors), count: values.length },
      ]),
    ),
  };
}
