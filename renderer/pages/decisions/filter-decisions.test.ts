import { expect, test } from 'vitest';
import { anyDecision, filterChoices, filterDecisions } from './filter-decisions.ts';

const decision = (id: string, more: Partial<Parameters<typeof filterDecisions>[0][number]> = {}) => ({
  ...{
    id,
    title: `Moved ${id}`,
    sentence: 'because of people',
    application: 'camera',
    component: id,
    choice: 'move',
    stay: 'stay',
  },
  ...{ policy: { name: 'relocate', version: '1' }, trigger: { kind: 'qos', text: 'slow' } },
  agent: { id: 'cluster-c', layer: 'cluster' as const, cluster: 'c' },
  ...more,
});

const all = [
  decision('front'),
  decision('back', { application: 'shop', policy: { name: 'static', version: '1' } }),
  decision('idle', { choice: 'stay', actual: { at: 1, outcomes: [], regret: 0.2 } }),
];
const ids = (filter: Partial<typeof anyDecision>) => filterDecisions(all, { ...anyDecision, ...filter }).map(({ id }) => id);

test('each filter narrows what the others leave', () => {
  expect(ids({})).toEqual(['front', 'back', 'idle']);
  expect(ids({ kind: 'acts' })).toEqual(['front', 'back']);
  expect(ids({ kind: 'acts', application: 'camera' })).toEqual(['front']);
  expect(ids({ policy: 'static' })).toEqual(['back']);
  expect(ids({ regretted: true })).toEqual(['idle']);
  expect(ids({ text: 'PEOPLE moved back' })).toEqual(['back']);
  expect(filterChoices(all)).toEqual({ applications: ['camera', 'shop'], policies: ['relocate', 'static'] });
});
