import { expect, test } from 'vitest';
import { SlidingWindow } from '../../telemetry/window.ts';
import { decide } from '../decide.ts';
import type { HostSituation } from '../situation.ts';
import { dvfs } from './dvfs.ts';

const start = 1_700_000_000_000;
const points = [2.0, 2.5, 3.0, 3.3];

/** A Xeon E3-1220 without components, a third of its time busy at its highest frequency. */
function decided(settings: object) {
  const window = new SlidingWindow(600_000);
  const view: HostSituation = {
    node: 'w',
    cluster: 'c',
    components: [],
    mechanisms: {
      CPUFrequencyConfigurator: {
        state: [],
        options: [{ cpus: [0], frequencies: points.map((ghz) => ghz * 1e9), governors: [] }],
      },
    },
    mode: 1,
  };
  const input = { now: start, agent: 'node-w', view, window };
  const samples = [
    { metric: 'cpu_used_ratio', value: 0.33 },
    { metric: 'cpu_frequency_ghz', value: 3.3 },
    { metric: 'power_w', value: 61 },
  ];
  window.add({ agent: 'node-w', cluster: 'c', node: 'w', time: start, samples });
  const policy = dvfs.create({ processor: 'Xeon E3-1220', ...settings });
  policy.learn?.(input);
  const [trigger] = policy.analyze(input);
  const proposal = policy.plan(input, trigger!)!;
  const agent = { id: 'node-w', layer: 'node' as const, cluster: 'c', node: 'w' };
  return decide(proposal, trigger!, { id: 'd', now: start, agent, policy, lastChangeAt: undefined });
}
const powerAt = (record: ReturnType<typeof decided>, label: RegExp) =>
  record.candidates.find((candidate) => label.test(candidate.label))!.predicted[0]!.value;

test('a host that idles anyway is slow and steady: volts fall with the frequency', () => {
  const record = decided({});
  expect(record.candidates.map(({ label }) => label)).toEqual([
    'Run at 2 GHz',
    'Run at 2.5 GHz',
    'Run at 3 GHz',
    'Stay at 3.3 GHz',
  ]);
  expect(record.choice).toBe('at:2');
  // P = 18.98·U·V²·f + 34.01, with U = 0.33 · 3.3 / 2.
  expect(powerAt(record, /2 GHz/)).toBeCloseTo(18.98 * ((0.33 * 3.3) / 2) * 0.851 ** 2 * 2 + 34.01, 3);
  expect(record.sentence).toMatch(
    /^Run at 2 GHz, because it is the best of 3 options, with power at 49 W instead of 61\.\d W\.$/,
  );
});

test('a host that sleeps when it is done races to idle where slowness keeps it awake, by the published slow-downs', () => {
  const compute = decided({ sleepW: 5, work: 'compute' });
  expect(compute.candidates.map(({ label }) => label)).toEqual([
    'Slow and steady at 2 GHz',
    'Slow and steady at 2.5 GHz',
    'Slow and steady at 3 GHz',
    'Stay at 3.3 GHz',
  ]);
  // 1.61 times as long awake at 34 W costs more than lower volts save.
  expect(powerAt(compute, /2 GHz/)).toBeCloseTo(5 + (34.01 + 18.98 * 0.851 ** 2 * 2 - 5) * 0.33 * 1.61, 3);
  expect(powerAt(compute, /2 GHz/)).toBeGreaterThan(powerAt(compute, /2\.5 GHz/));
  // Work that waits for memory anyway hardly takes longer.
  expect(decided({ sleepW: 5, work: 'hybrid' }).choice).toBe('at:2');
});
