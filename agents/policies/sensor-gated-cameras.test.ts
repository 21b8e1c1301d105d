import { expect, test } from 'vitest';
import { SlidingWindow } from '../telemetry/window.ts';
import { ClusterBench, node, placed, shop, start } from './cluster-bench.fixture.ts';
import { presenceFromSound } from './presence-from-sound.ts';
import { sensorGatedCameras } from './sensor-gated-cameras.ts';
import type { HostSituation } from './situation.ts';

test('presence is told by loudness at first, then as it was learnt while the camera was awake', () => {
  const window = new SlidingWindow(600_000);
  const view: HostSituation = { node: 'post', cluster: 'c', components: [], mechanisms: {}, mode: 1 };
  const policy = presenceFromSound.create({});
  let now = start;
  const second = (sound: number, people?: number) => {
    now += 1000;
    const samples = [
      { metric: 'sound_level_db', value: sound },
      ...(people === undefined ? [] : [{ metric: 'people_in_view', value: people }]),
    ];
    window.add({ agent: 'a', cluster: 'c', node: 'post', time: now, samples });
    const input = { now, agent: 'node-post', view, window };
    policy.learn?.(input);
    return policy.derive!(input)[0]!;
  };
  for (let i = 0; i < 10; i++) second(40);
  expect(second(40)).toMatchObject({
    metric: 'presence_probability',
    value: 0,
    source: 'predicted: by loudness',
  });
  // Here somebody is there from 45 dB on, of which the rule of thumb knows nothing.
  for (let i = 0; i < 1500; i++) {
    const people = i % 20 < 10 ? 1 : 0;
    second(people ? 47 : 41, people);
  }
  for (let i = 0; i < 5; i++) second(47);
  const loud = second(47);
  expect(loud.source).toBe('predicted: learnt');
  expect(loud.value).toBeGreaterThan(0.65);
  for (let i = 0; i < 5; i++) second(41);
  expect(second(41).value).toBeLessThan(0.4);
  expect(policy.models!()).toMatchObject([{ name: 'presence near post', places: [{ node: 'post', by: 'counts of levels' }] }]);
  const again = presenceFromSound.create({});
  again.restore?.(JSON.parse(JSON.stringify(policy.state?.())));
  const input = { now, agent: 'node-post', view, window };
  expect(again.derive!(input)).toEqual(policy.derive!(input));
  expect(policy.derive!({ ...input, view: { ...view, mode: 0 } })[0]!.source).toBe('predicted: by loudness');
});

function bench(sleeps: boolean, permitted = true) {
  const made = new ClusterBench(
    [node('post')],
    [placed('front', 'post')],
    shop({ components: [{ metadata: { name: 'front' }, sensors: [{ camera: {} }] }] }),
  );
  const of = { application: 'shop', component: 'front' };
  made.view.mechanisms = {
    componentSleep: { state: [{ ...of, sleeps }], options: [{ ...of, permitted, commands: ['sleep', 'wake'] }] },
  };
  return made;
}
const policy = sensorGatedCameras.create({});

test('a camera sleeps once nobody has been near for a minute, and is woken at once when somebody is, or nothing is told', () => {
  const quiet = bench(false);
  quiet.seconds(40, { post: { presence_probability: 0.05 } });
  expect(policy.analyze(quiet.input)).toEqual([]);
  quiet.seconds(25, { post: { presence_probability: 0.05 } });
  const { chosen, proposal, record } = quiet.decided(policy)!;
  expect(chosen.label).toBe('Have front sleep');
  expect(record.margin).toBeCloseTo(0.25);
  expect(record.sentence).toMatch(
    /^Have front sleep, because post has predicted nobody near for 60 s(; presence near post at 0\.05.*)?\.$/,
  );
  expect(proposal.commands(chosen)).toEqual([
    { mechanism: 'componentSleep', command: { name: 'shop', component: 'front', command: 'sleep' } },
  ]);

  const busy = bench(true);
  busy.seconds(1, { post: { presence_probability: 0.9 } });
  expect(busy.decided(policy)).toMatchObject({ chosen: { label: 'Wake front' }, record: { margin: expect.closeTo(0.6) } });
  busy.now += 20_000;
  expect(busy.decided(policy)).toMatchObject({ trigger: { kind: 'presence-unknown' }, chosen: { label: 'Wake front' } });

  const forbidden = bench(false, false);
  forbidden.seconds(65, { post: { presence_probability: 0 } });
  expect(forbidden.decided(policy)!.record.choice).toBe('stay');
});
