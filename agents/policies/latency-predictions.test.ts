import { expect, test } from 'vitest';
import { evaluate, expressionSchema } from '../decision/expression.ts';
import { LatencyPredictions } from './latency-predictions.ts';

const speedOf = (): number => 1;
const asked = (people: number, load: number) => ({
  node: 'w',
  speedOf,
  covariate: people,
  load: { value: load, id: 'load:w', own: 0.1 },
});
const told = (model: LatencyPredictions, people: number, load: number) => {
  const { expression, ...rest } = model.predict(asked(people, load));
  return {
    ...rest,
    value: evaluate(expressionSchema.parse(JSON.parse(JSON.stringify(expression))), { covariate: people, 'load:w': load }),
  };
};
/** People from 0 to 9, and a load of others that comes and goes. */
const teach = (model: LatencyPredictions, latency: (people: number, load: number) => number, count: number) => {
  for (let i = 0; i < count; i++) {
    const [people, load] = [(i * 7) % 10, ((i * 13) % 17) / 20];
    model.learn('w', people, load, latency(people, load), speedOf);
  }
};

test('a line predicts what is one; a forest what is none, once it was less off; the record can be scored again from either', () => {
  const straight = new LatencyPredictions(50);
  teach(straight, (people, load) => 10 + 5 * people + 20 * load, 400);
  expect(told(straight, 4, 0.6)).toMatchObject({ by: 'line' });
  expect(told(straight, 4, 0.6).value).toBeCloseTo(40, 0);

  const bent = new LatencyPredictions(50);
  const queue = (people: number, load: number): number => (people > 6 ? 150 : 20) + (load > 0.5 ? 60 : 0);
  teach(bent, queue, 1200);
  const prediction = told(bent, 3, 0.3);
  expect(prediction.by).toBe('forest');
  expect(Math.abs(prediction.value - 20)).toBeLessThan(12);
  expect(Math.abs(told(bent, 9, 0.9).value - 210)).toBeLessThan(30);

  const again = new LatencyPredictions(50);
  again.restore(JSON.parse(JSON.stringify(bent.state())));
  expect(told(again, 9, 0.9)).toEqual(told(bent, 9, 0.9));
});

test('doubt grows with how far off decisions turned out to be', () => {
  const model = new LatencyPredictions(50);
  teach(model, (people) => 10 + 5 * people, 400);
  const sure = told(model, 4, 0.2).deviation;
  for (let i = 0; i < 6; i++) model.judged('w', 30, 30 + (i % 2 ? 12 : -12));
  expect(sure).toBeLessThan(3);
  expect(told(model, 4, 0.2).deviation).toBeCloseTo(12);
});
