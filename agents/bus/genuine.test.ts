import { expect, test } from 'vitest';
import type { DecisionRecord } from '../decision/record.ts';
import type { Aggregate } from './aggregates.ts';
import { genuine, originOf } from './genuine.ts';
import type { ApplicationStatus, Heartbeat, Telemetry } from './messages.ts';

test('what a node says in the name of another one is dropped, and told of once', () => {
  const heard: string[] = [];
  const said: unknown[] = [];
  const take = genuine<Telemetry>(
    originOf.telemetry,
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

test('each kind of message comes on one subject alone, by what it says of its sender', () => {
  const agent = { id: 'node-a', layer: 'node' as const, cluster: 'c' };
  expect(originOf.decision({ agent } as DecisionRecord)).toBe('mls.decision.c.node.node-a');
  expect(originOf.application({ cluster: 'c', application: 'shop' } as ApplicationStatus)).toBe('mls.application.c.shop');
  expect(originOf.aggregate({ cluster: 'c', node: 'a' } as Aggregate)).toBe('mls.aggregate.c.a');
  expect(originOf.heartbeat({ cluster: 'c', layer: 'node', agent: 'node-a' } as Heartbeat)).toBe('mls.heartbeat.c.node.node-a');
});
