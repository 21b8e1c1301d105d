import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseDescription } from '../../agents/descriptions/parse.ts';
import { evaluationSeeds, runCamera, tunedSeeds } from './evaluation.ts';

const file = new URL('../../assets/applications/smart-camera.yaml', import.meta.url);

function smartCamera() {
  const parsed = parseDescription(readFileSync(file, 'utf8'), 'smart-camera.yaml');
  if (parsed.kind !== 'MLSysOpsApp') throw new Error('not an application');
  return parsed.value;
}

test('half an hour of the camera scenario: where it stands still 80 % is over target, and the shipped policy keeps it within a quarter of that', async () => {
  const application = smartCamera();
  const seed = evaluationSeeds[0]!;
  const still = await runCamera({ application, variant: 'static', seed, hours: 0.5 });
  const moved = await runCamera({ application, variant: 'qos', seed, hours: 0.5 });
  expect(still.switchesPerHour).toBe(0);
  expect(still.overTarget).toBeGreaterThan(0.72);
  expect(moved.overTarget).toBeLessThan(still.overTarget / 4);
  expect(moved.overTarget).toBeGreaterThanOrEqual(0.9 * moved.overTargetAtBest);
  expect(moved.switchesPerHour).toBeLessThanOrEqual(20);
  expect(moved.switchesPerHour).toBeGreaterThan(0);
  // What it costs in QoS is told by the table, not bounded here.
  const slowed = await runCamera({ application, variant: 'qos-dvfs', seed, hours: 0.5 });
  expect(slowed.energyWh).toBeLessThan(moved.energyWh);
}, 240_000);

test('the oracle saves energy and misses no more, and of idling it saves nothing', async () => {
  const about = { application: smartCamera(), seed: evaluationSeeds[0]!, hours: 0.1 };
  const moved = await runCamera({ ...about, variant: 'qos' });
  const bound = await runCamera({ ...about, variant: 'qos-oracle' });
  const withRoom = await runCamera({ ...about, variant: 'qos-oracle-room' });
  expect(bound.overTarget).toBeLessThanOrEqual(moved.overTarget);
  expect(bound.energyWh).toBeLessThan(withRoom.energyWh);
  expect(withRoom.energyWh).toBeLessThan(moved.energyWh);
  expect(bound.energyWh - bound.aboveIdleWh).toBeCloseTo(moved.energyWh - moved.aboveIdleWh, 6);
}, 60_000);

test('is evaluated on seeds that nothing was tuned on', () => {
  expect(evaluationSeeds.filter((seed) => tunedSeeds.includes(seed))).toEqual([]);
});
