// A policy for a cluster's agent, in thirty lines: components leave a node that has been busy for half a minute for the least busy one.
import { type ClusterPolicy, move, stay, times } from 'mlsysops';

export const policy: ClusterPolicy<{ busy: number; margin: number }> = {
  layer: 'cluster',
  summary: 'Moves components from busy nodes to idle ones',
  metrics: ['cpu_used_ratio'],
  settings: { busy: 0.8, margin: 0.2 },
  // What calls for a decision: each component on a node whose median load is over the limit.
  analyze: ({ view, usual, settings, now }) =>
    view.components
      .filter(({ pin }) => pin && (usual({ metric: 'cpu_used_ratio', node: pin }, now - 30_000) ?? 0) > settings.busy)
      .map(({ application, component, pin }) => ({ kind: 'busy-node', text: `${pin} is busy`, application, component })),
  // What could be done: stay, or move to any other node; a score is a sum of terms over premises, so that the agent can explain it.
  plan({ view, reading, settings }, { application, component }) {
    const placed = view.components.find((one) => one.application === application && one.component === component);
    if (!placed?.pin) return undefined;
    const from = placed.pin;
    const candidates = view.nodes.flatMap(({ name }) => {
      const load = reading(`Load of ${name}`, { metric: 'cpu_used_ratio', node: name }, [0, 1]);
      if (!load) return [];
      const action = name === from ? stay(placed.component, from) : move(placed.component, from, name);
      return [{ action, terms: { Load: times(-1, load), Move: name === from ? 0 : -0.05 } }];
    });
    // It must win by the margin, and is then left alone for two minutes; what the application forbids, the agent rules out.
    return { candidates, margin: settings.margin, coolDownS: 120 };
  },
};
