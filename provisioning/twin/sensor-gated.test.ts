import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type DecisionRecord, isAct } from '../../agents/decision/record.ts';
import { parseDescription } from '../../agents/descriptions/parse.ts';
import { runCamera, tunedSeeds } from './evaluation.ts';

test('a lamppost camera sleeps while the twin is silent, is woken by who comes, and misses few of them', async () => {
  const file = new URL('../../assets/applications/lamppost-camera.yaml', import.meta.url);
  const described = parseDescription(readFileSync(file, 'utf8'), 'lamppost-camera.yaml');
  if (described.kind !== 'MLSysOpsApp') throw new Error('not an application');
  const last = new Map<string, DecisionRecord>();
  const gated = await runCamera({
    application: described.value,
    variant: 'street-gated',
    seed: tunedSeeds[0]!,
    hours: 0.4,
    decided: (record) => void last.set(record.id, record),
  });
  expect(gated.visits).toBeGreaterThan(1);
  expect(gated.visitsMissed).toBeLessThanOrEqual(1);
  expect(gated.missed).toBeLessThan(0.15);
  expect(gated.awake).toBeGreaterThan(0.1);
  expect(gated.awake).toBeLessThan(0.9);

  const acts = [...last.values()].filter((record) => record.policy.name === 'sensor-gated-cameras' && isAct(record));
  const slept = acts.filter(({ choice }) => choice === 'sleep');
  const woke = acts.filter(({ choice }) => choice === 'wake');
  expect(slept.length).toBeGreaterThan(1);
  expect(Math.abs(slept.length - woke.length)).toBeLessThanOrEqual(1);
  for (const { plan } of acts.slice(0, -1)) expect(plan?.status).toBe('completed');
  expect(woke[0]).toMatchObject({ trigger: { kind: 'somebody-near' }, component: 'camera' });
  expect(woke[0]!.premises.find(({ id }) => id === 'presence')).toMatchObject({
    source: expect.stringMatching(/^presence_probability of worker-1 \(predicted: /),
  });
}, 120_000);
