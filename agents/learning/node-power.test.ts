import { expect, test } from 'vitest';
import { evaluate, premise } from '../decision/expression.ts';
import { NodePower } from './node-power.ts';
import { seededBy } from './seeded-by.ts';

/** A node that clocks up at a third of its load: 30 W + 20 W × load, and 25 W more from there on. */
const bent = (load: number): number => 30 + 20 * load + (load > 0.33 ? 25 : 0);
const at = (power: NodePower, load: number): number => evaluate(power.at(premise('load')), { load });

function taught(of: (load: number) => number): NodePower {
  const power = new NodePower(seededBy('w'));
  const random = seededBy('readings');
  for (let i = 0; i < 400; i++) {
    const load = random();
    power.learn(load, of(load));
  }
  return power;
}

test('a line is learnt as one; where power bends the forest is less off, and predicts, also after a restart', () => {
  const straight = taught((load) => 30 + 40 * load);
  expect(straight.by).toBe('line');
  expect(at(straight, 0.5)).toBeCloseTo(50, 0);
  expect(straight.idleW).toBeCloseTo(30, 0);
  expect(straight.told).toEqual({
    why: expect.stringMatching(
      /^the line was off by [\d.]+ W over the last 100, the forest by [\d.]+ W: it must be better by 20 %$/,
    ),
    weights: [
      { feature: 'Idle', value: expect.closeTo(30, 0), unit: 'W' },
      { feature: 'Load', value: expect.closeTo(40, 0), unit: 'W at full load' },
    ],
  });

  const power = taught(bent);
  expect(power.by).toBe('forest');
  expect(power.told.why).toMatch(/^the forest was off by .* W over the last 100, the line by .* W$/);
  expect(power.told.weights).toEqual([{ feature: 'Load', value: 1, unit: 'of its splits' }]);
  for (const load of [0.2, 0.6]) expect(Math.abs(at(power, load) - bent(load))).toBeLessThan(3);
  const again = new NodePower(seededBy('w'));
  again.restore(JSON.parse(JSON.stringify(power.state())));
  expect(again.by).toBe('forest');
  expect(at(again, 0.6)).toBe(at(power, 0.6));
});
