import { expect, test } from 'vitest';
import {
  add,
  atLeastZero,
  constant,
  divide,
  type Expression,
  evaluate,
  maximum,
  multiply,
  premise,
  subtract,
} from '../decision/expression.ts';
import type { Candidate, DecisionRecord, Premise } from '../decision/record.ts';
import { flips } from './flip.ts';
import { mostTelling } from './most-telling.ts';
import { formatNumber, tell } from './sentence.ts';
import { type Explanation, explain, explainOutcome } from './shapley.ts';
import { rescore } from './what-if.ts';

const at = (id: string, value: number, usual: number, range?: [number, number], name = id): Premise => ({
  id,
  name,
  value,
  unit: id === 'target' ? 'ms' : '',
  at: 0,
  source: 'test',
  usual,
  range,
});
const latency = (intercept: number, slope: number): Expression => add(intercept, multiply(slope, premise('people')));
const qos = (of: Expression): Expression => multiply(-1, divide(atLeastZero(subtract(of, premise('target'))), premise('target')));

/** The decision of the smart camera: worker-1 at 10 + 22 × people, worker-2 at 10 + 11 × people, moving costs 0.05. */
function decision(people: number, usualPeople = 1, overrides: Partial<DecisionRecord> = {}): DecisionRecord {
  const premises = [at('people', people, usualPeople, [0, 14], 'People in view'), at('target', 50, 50)];
  const values = { people, target: 50 };
  const candidate = (id: string, action: Candidate['action'], of: Expression, cost: number): Candidate => {
    const expressions = [
      { name: 'QoS', expression: qos(of) },
      { name: 'Move', expression: constant(-cost) },
    ];
    const terms = expressions.map((term) => ({ ...term, value: evaluate(term.expression, values) }));
    return {
      id,
      label: id,
      action,
      predicted: [{ metric: 'frame_classify_latency_ms', unit: 'ms', value: evaluate(of, values), deviation: 4, expression: of }],
      terms,
      score: terms.reduce((sum, term) => sum + term.value, 0),
    };
  };
  const candidates = [
    candidate('stay', { kind: 'stay', component: 'classifier', host: 'worker-1' }, latency(10, 22), 0),
    candidate('worker-2', { kind: 'move', component: 'classifier', from: 'worker-1', to: 'worker-2' }, latency(10, 11), 0.05),
  ];
  const draft = {
    id: 'd1',
    revision: 0,
    time: 1000,
    agent: { id: 'cluster-c', layer: 'cluster' as const, cluster: 'c' },
    policy: { name: 'relocate-by-latency', version: '1' },
    application: 'smart-camera',
    component: 'classifier',
    trigger: { kind: 'qos-violated', text: '' },
    premises,
    candidates,
    choice: 'stay',
    stay: 'stay',
    margin: null,
    neededMargin: 0.1,
    exploration: false,
    horizonS: 30,
    expected: [],
    title: '',
    sentence: '',
    ...overrides,
  } satisfies DecisionRecord;
  const { choice, margin } = rescore(draft, {});
  const record = { ...draft, choice, margin };
  return { ...record, ...tell(record) };
}

test('says why in the words of the field', () => {
  expect(decision(3)).toMatchObject({
    choice: 'worker-2',
    title: 'Moved classifier to worker-2',
    sentence:
      'Moved classifier from worker-1 to worker-2, because 3 people in view would have kept latency at 76 ms, over the 50 ms target; predicted 43 ms instead; people in view contributes +44 ms; it would have stayed below 2.16 people in view.',
  });
  expect(decision(1).sentence).toBe('Left classifier on worker-1: best option loses by 0.05, needs to win by 0.10.');
  expect(decision(2.15).sentence).toBe('Left classifier on worker-1: best option wins by 0.096, needs 0.100.');
  expect(decision(3, 1, { coolDownUntil: 41_000 }).sentence).toBe(
    'Left classifier on worker-1: best option wins by 0.47, but it changed a short while ago and stays for another 40 s.',
  );
  expect([0.04123, -3.456, 76.04, 12345.6, 0].map((value) => formatNumber(value))).toEqual(['0.04', '−3.46', '76', '12346', '0']);
  expect(formatNumber(0.994, 'ratio')).toBe('99 %');
});

test('what-if gives the choice that the policy would have made', () => {
  const record = decision(3);
  // A median of readings need not be whole; who reads of people wants them whole.
  expect(tell(decision(2.7)).sentence).toMatch(/because about 3 people in view would have kept latency at 69.4 ms/);
  for (const people of [0, 1, 2, 2.3, 2.6, 3, 8, 14]) {
    const fresh = decision(people);
    expect(rescore(record, { people })).toMatchObject({ choice: fresh.choice, margin: fresh.margin });
  }
  expect(rescore(decision(3, 1, { coolDownUntil: 41_000 }), { people: 9 }).choice).toBe('stay');
});

test('the smallest flip is where the margin crosses what it needs', () => {
  const [flip] = flips(decision(3));
  // (10 + 22 p − 50) / 50 − 0.05 = 0.10
  expect(flip).toMatchObject({ premise: 'people', from: 3, choice: 'stay' });
  expect(flip?.to).toBeCloseTo((0.15 * 50 + 40) / 22, 6);
});

test('contributions sum to the margin less the usual one, and a premise as usual has none', () => {
  const record = decision(6, 1);
  const told = explain(record)!;
  expect(told.base + told.contributions.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(told.margin, 12);
  expect(told.margin).toBeCloseTo(record.margin!, 12);
  expect(told.contributions.map((contribution) => contribution.premise)).toEqual(['people']);
});

test('contributions to an outcome are in its unit, and sum to it', () => {
  const record = decision(3);
  const told = explainOutcome(record, record.candidates[0]!.predicted[0]!)!;
  expect(told).toMatchObject({ unit: 'ms', base: 32, value: 76, exact: true });
  expect(told.contributions).toEqual([{ premise: 'people', name: 'People in view', value: 44 }]);
});

test("a model's own explanation of its prediction is told as the model's", () => {
  const record = decision(3);
  const explanation = { base: 33, contributions: { people: 44, load: -1 } };
  const outcome = { metric: 'latency_ms', unit: 'ms', value: 76, deviation: 5, expression: premise('prediction'), explanation };
  expect(explainOutcome(record, outcome)).toMatchObject({
    base: 33,
    value: 76,
    by: 'model',
    contributions: [
      { premise: 'people', name: 'People in view', value: 44 },
      { premise: 'load', name: 'load', value: -1 },
    ],
  });
});

test('many premises stay exact where the score is a sum, and are sampled where it is not', () => {
  const record = decision(3);
  const ids = Array.from({ length: 30 }, (_, index) => `load:${index}`);
  record.premises.push(...ids.map((id, index) => at(id, 0.5 + index / 100, 0.2)));
  const sum = add(...ids.map((id) => multiply(0.01, premise(id))));
  record.candidates[1]!.terms.push({ name: 'Load', value: 0, expression: sum });
  const total = ({ base, contributions }: Explanation): number => base + contributions.reduce((all, { value }) => all + value, 0);
  const exact = explain(record)!;
  expect(exact).toMatchObject({ exact: true, errors: {} });
  expect(exact.contributions.find(({ premise: id }) => id === 'load:9')?.value).toBeCloseTo(0.01 * 0.39, 12);
  expect(total(exact)).toBeCloseTo(exact.margin, 10);

  const worst = maximum(...ids.map((id) => premise(id)));
  record.candidates[1]!.terms.push({ name: 'Worst load', value: 0, expression: worst });
  const told = explain(record)!;
  expect(told.exact).toBe(false);
  expect(Object.keys(told.errors).sort()).toEqual([...ids].sort());
  expect(total(told)).toBeCloseTo(told.margin, 10);
  expect(explain(record)).toEqual(told);
});

test('of very many candidates the most telling are recorded, with the premises that they rest on; the explanation is the same', () => {
  const record = decision(3);
  for (let index = 0; index < 500; index++) {
    const id = `load:${index}`;
    record.premises.push(at(id, index / 500, 0.5, [0, 1]));
    const expression = multiply(-1, premise(id));
    const terms = [{ name: 'Load', value: -index / 500, expression }];
    const action = { kind: 'move', component: 'classifier', from: 'worker-1', to: id } as const;
    const rejected = { rejected: { rule: `rule-${index % 3}`, reason: 'it is so' }, terms: [], score: null };
    record.candidates.push({
      id,
      label: id,
      action,
      predicted: [],
      terms,
      score: -index / 500 - 1,
      ...(index % 2 ? rejected : {}),
    });
  }
  const kept = mostTelling(record.candidates, record.premises, ['stay', 'worker-2']);
  expect(kept.leftOut).toEqual({ feasible: 252 - 48, rejected: 250 - 16 });
  expect(kept.candidates.slice(0, 2).map(({ id }) => id)).toEqual(['stay', 'worker-2']);
  expect(new Set(kept.candidates.map(({ rejected }) => rejected?.rule)).size).toBe(4);
  // Worse than staying by far, or ruled out: the best are those with the least load.
  expect(kept.candidates.find(({ id }) => id === 'load:90')).toBeDefined();
  expect(kept.candidates.find(({ id }) => id === 'load:100')).toBeUndefined();
  expect(kept.premises.map(({ id }) => id)).toEqual(expect.arrayContaining(['people', 'target', 'load:0']));
  expect(kept.premises.find(({ id }) => id === 'load:400')).toBeUndefined();
  expect(explain({ ...record, ...kept })).toEqual(explain(record));
});
