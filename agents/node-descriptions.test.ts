import { expect, test } from 'vitest';
import { MemoryBus } from './bus/memory.ts';
import { replySchema } from './bus/messages.ts';
import { describeRequestSchema } from './bus/requests.ts';
import { subjects } from './bus/subjects.ts';
import { NodeDescriptions } from './node-descriptions.ts';

test('each agent is asked once, and again after it has restarted; what makes no sense is told once', async () => {
  const bus = new MemoryBus();
  const logged: string[] = [];
  const descriptions = new NodeDescriptions(bus, (_level, text) => void logged.push(text));
  const description = {
    continuum_layer: ['edge'],
    environment: { node_type: 'virtualized', os: 'ubuntu', container_runtime: ['containerd'] },
    hardware: {},
  };
  let asked = 0;
  let answer: unknown = { name: 'w1', ...description };
  bus.answer(subjects.request('node-w1', 'describe'), describeRequestSchema, replySchema, async () => {
    asked++;
    return { ok: true as const, value: JSON.parse(JSON.stringify(answer)) };
  });
  await descriptions.ask('node-w1');
  await descriptions.ask('node-w1');
  expect(asked).toBe(1);
  expect(descriptions.of('node-w1')).toMatchObject({ name: 'w1' });

  answer = { nonsense: true };
  descriptions.forget('node-w1');
  await descriptions.ask('node-w1');
  await descriptions.ask('node-w1');
  expect(asked).toBe(3);
  expect(logged).toEqual(['node-w1 did not say what its host is']);
  // What it said before holds until it says something else.
  expect(descriptions.of('node-w1')).toMatchObject({ name: 'w1' });
});
