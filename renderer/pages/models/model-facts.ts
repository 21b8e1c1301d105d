import type { OutputOf } from '../../../main/contract/contract.ts';
import { metricTitle } from '../../parts/format.ts';
import type { StateName } from '../../parts/glyphs.tsx';
import type { DecisionRecord } from '../../state/types.ts';
import { texts } from '../../texts/texts.ts';

export type ModelList = OutputOf<'models.list'>;
export type ModelRow = ModelList['models'][number];

export const modelStates: Record<ModelRow['state'], { glyph: StateName; kind: '' | 'ok' | 'warn' | 'bad' | 'info' }> = {
  predicting: { glyph: 'ok', kind: 'ok' },
  learning: { glyph: 'run', kind: 'info' },
  unused: { glyph: 'none', kind: '' },
  serving: { glyph: 'ok', kind: 'ok' },
  reachable: { glyph: 'wait', kind: '' },
  failing: { glyph: 'bad', kind: 'bad' },
};

/** "Latency of classifier"; what decisions do not name keeps the name that the agent gave it. */
export function modelTitle({ name, predicts }: Pick<ModelRow, 'name' | 'predicts'>): string {
  return predicts?.component
    ? texts.models.componentModel(metricTitle(predicts.metric), predicts.component)
    : texts.models.nodesModel(name);
}

export function modelsSentence(agent: string, { mode, models }: ModelList): string {
  const predicting = models.filter(({ state }) => state === 'predicting' || state === 'serving' || state === 'reachable').length;
  const failing = models.filter(({ state }) => state === 'failing').length;
  return texts.models.sentence({ agent, mode, all: models.length, predicting, failing });
}

/** Decisions that rested on a model, in the order they come. One that was taken by heuristics did not, though its policy has the model. */
export function decisionsBy(
  model: Pick<ModelRow, 'policy' | 'predicts'>,
  agent: string,
  decisions: readonly DecisionRecord[],
): DecisionRecord[] {
  const { policy, predicts } = model;
  if (policy === null) return [];
  return decisions.filter(
    (record) =>
      record.policy.name === policy &&
      record.agent.id === agent &&
      (!predicts?.component || (record.component === predicts.component && record.application === predicts.application)) &&
      (!predicts || record.candidates.some(({ predicted }) => predicted.some(({ metric }) => metric === predicts.metric))) &&
      record.premises.find(({ id }) => id === 'mode')?.value !== 0,
  );
}

export interface Compared {
  record: DecisionRecord;
  /** Node that the choice was about. */
  node: string;
  unit: string;
  predicted: number;
  /** Standard deviation that was stated. */
  deviation: number;
  actual: number;
}

/** What was expected of a decision in the figure that the model predicts; null when it tells none. */
export const expectedOf = (record: DecisionRecord, { predicts }: Pick<ModelRow, 'predicts'>) =>
  record.expected.find(({ metric }) => metric === predicts?.metric) ?? null;

export const actualOf = (record: DecisionRecord, { predicts }: Pick<ModelRow, 'predicts'>) =>
  record.actual?.outcomes.find(({ metric }) => metric === predicts?.metric) ?? null;

export function nodeOf({ candidates, choice, agent }: Pick<DecisionRecord, 'candidates' | 'choice' | 'agent'>): string {
  const action = candidates.find(({ id }) => id === choice)?.action;
  const node =
    action?.kind === 'move' ? action.to : action?.kind === 'stay' || action?.kind === 'deploy' ? action.host : undefined;
  return node ?? agent.node ?? agent.cluster;
}

/** Each decision by the model whose outcome is known, beside what had been expected. */
export function comparedWith(model: Pick<ModelRow, 'predicts'>, records: readonly DecisionRecord[]): Compared[] {
  return records.flatMap((record): Compared[] => {
    const expected = expectedOf(record, model);
    const actual = actualOf(record, model);
    if (!expected || !actual) return [];
    const { unit, value: predicted, deviation } = expected;
    return [{ record, node: nodeOf(record), unit, predicted, deviation, actual: actual.value }];
  });
}

/** How far off on average, and how many lay within twice the standard deviation that was stated. null of none. */
export function judged(compared: readonly Compared[]): { off: number; within: number } | null {
  if (compared.length === 0) return null;
  const errors = compared.map(({ predicted, actual }) => Math.abs(actual - predicted));
  const within = compared.filter(({ deviation }, index) => errors[index]! <= 2 * deviation).length;
  return { off: errors.reduce((sum, error) => sum + error, 0) / errors.length, within };
}
