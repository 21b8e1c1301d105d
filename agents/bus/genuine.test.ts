import { expect, test } from 'vitest';
import { genuine } from './genuine.ts';
import type { Telemetry } from './messages.ts';
import { subjects } from './subjects.ts';

test('what a node says in the name of another one is dropped, and told of once', () => {
  const heard: string[] = [];
  const said: unknown[] = [];
  const take = genuine<Telemetry>(
    ({ cluster, node }) => subjects.telemetry(cluster, node),
    ({ node }) => heard.push(node),
    (_level, _text, details) => said.push(details),
  );
  const of = (node: string): Telemetry => ({ agent: `node-${node}`, cluster: 'c', node, time: 1, samples: [] });
  take(of('a'), 'mls.telemetry.c.a');
  take(of('b'), 'mls.telemetry.c.a');
  take(of('b'), 'mls.telemetry.c.a');
  take(of('with.dot'), 'mls.telemetry.c.with_dot');
  expect(heard).toEqual(['a', 'with.dot']);
  expect(said).toEqual([{ subject: 'mls.telemetry.c.a', claims: 'mls.telemetry.c.b' }]);
});
