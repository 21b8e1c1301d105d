import type { ModelRow } from './bus/models.ts';
import type { LearntModel } from './learning/learnt-model.ts';
import type { Policy } from './policies/policy.ts';

/** What the policies that decide have learnt to predict, as people see it. */
export const modelRowsOf = <View>(policies: readonly Policy<View>[], mode: 0 | 1): ModelRow[] =>
  policies.flatMap(({ name: policy, version, models }, index) =>
    (models?.call(policies[index]!) ?? []).map((model): ModelRow => {
      const { key, name, kind, unit, predicts } = model;
      const { metric, application = null, component = null } = predicts ?? {};
      const places = model.places.map((place) => ({ why: null, weights: [], ...place }));
      const shared = { origin: 'policy' as const, policy, version, endpoint: null };
      return {
        ...shared,
        id: `${policy}/${key}`,
        name,
        kind,
        unit,
        predicts: metric === undefined ? null : { metric, application, component },
        places,
        ...stateOf(model, mode),
      };
    }),
  );

function stateOf({ enough, isForMode1, places }: LearntModel, mode: 0 | 1): Pick<ModelRow, 'state' | 'reason'> {
  if (isForMode1 && mode === 0) return { state: 'unused', reason: 'mode 0 decides by heuristics' };
  const most = Math.max(0, ...places.map(({ samples }) => samples));
  if (most >= enough) return { state: 'predicting', reason: null };
  return { state: 'learning', reason: `${most} of ${enough} samples that it needs have been seen` };
}
