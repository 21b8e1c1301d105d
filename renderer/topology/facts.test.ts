import { expect, test } from 'vitest';
import type { AgentLife, Topology } from '../state/types.ts';
import { leadershipOf } from './facts.ts';

test('of a cluster with two agents it is told which one leads, and when nobody would follow', () => {
  const agent = (name: string, role?: AgentLife['role'], alive = true): AgentLife => ({
    agent: name,
    layer: 'cluster',
    cluster: 'c',
    lastHeartbeat: 1,
    alive,
    version: '1',
    ...(role && { role }),
  });
  const of = (...agents: AgentLife[]) => leadershipOf({ agents } as Pick<Topology, 'agents'> as Topology, 'c');
  expect(of(agent('cluster-c'))).toBeNull();
  expect(of(agent('cluster-c', 'standby'), agent('standby-c', 'leading'))).toBe('standby-c leads');
  expect(of(agent('cluster-c', undefined, false), agent('standby-c', 'leading'))).toBe('standby-c leads, nobody stands by');
  expect(of(agent('cluster-c', 'standby'))).toBe('nobody leads');
  expect(of({ ...agent('x', 'leading'), cluster: 'd' })).toBeNull();
});
