import type { LearntModel } from '../learning/learnt-model.ts';
import type { RecursiveLeastSquares } from '../learning/recursive-least-squares.ts';

/** The power of nodes by their load, as a policy has learnt it; none before there is any. */
export function powerModels(byNode: ReadonlyMap<string, RecursiveLeastSquares>, enough: number): LearntModel[] {
  if (byNode.size === 0) return [];
  const places = [...byNode].map(
    ([
      node,
      {
        samples,
        weights: [idle = 0, busy = 0],
      },
    ]) => {
      const weights = [
        { feature: 'Idle', value: idle, unit: 'W' },
        { feature: 'Load', value: busy, unit: 'W at full load' },
      ];
      return { node, by: 'least squares', samples, meanError: null, weights };
    },
  );
  return [{ key: 'power', name: 'power of nodes', kind: 'least squares', unit: 'W', enough, isForMode1: false, places }];
}
