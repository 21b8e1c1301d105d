import type { ApplicationDescription } from '../../descriptions/application.ts';
import { satisfies, unitOf } from '../../descriptions/common.ts';
import type { Aggregates } from '../../telemetry/aggregates.ts';
import type { AnswerOf } from '../endpoint.ts';
import type { Endpoints } from '../endpoints/table.ts';
import { merged, shareKept } from './figures.ts';

type Kept = Pick<AnswerOf<Endpoints['apps.performance']>, 'targets' | 'satisfaction'>;

/** How an application keeps to the targets of its description, and the weighted whole of it. */
export function applicationMetrics(aggregates: Aggregates, description: ApplicationDescription, since: number): Kept {
  const { name: application, components, global_satisfaction: wanted } = description;
  const targets = components.flatMap(({ metadata: { name: component }, qos_metrics: metrics = [] }) =>
    metrics.map(({ application_metric_id: metric, target, relation }) => {
      const sketch = merged(aggregates, aggregates.series({ metric, application, component }), since);
      const mean = sketch.count === 0 ? null : sketch.sum / sketch.count;
      return { component, metric, target, relation, unit: unitOf(metric), mean, share: shareKept(sketch, relation, target) };
    }),
  );
  const weights = wanted?.achievement_weights ?? [];
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  const shares = weights.map(({ metric_id: metric, weight }) => {
    const share = targets.find((one) => one.metric === metric)?.share ?? null;
    return share === null ? null : share * weight;
  });
  // One weight without readings leaves the whole unknown.
  if (!wanted || total === 0 || shares.some((share) => share === null)) return { targets, satisfaction: null };
  const score = shares.reduce<number>((sum, share) => sum + (share ?? 0), 0) / total;
  const { threshold, relation = 'greater_or_equal' } = wanted;
  return { targets, satisfaction: { score, threshold, met: satisfies(score, relation, threshold) } };
}
