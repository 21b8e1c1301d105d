import { expect, test } from 'vitest';
import { exampleTestbed } from '../../provisioning/phases/support/context-double.ts';
import { leaderships } from './leaders.ts';

test('who leads a cluster of two agents is told, also that nobody does, or nobody would follow', () => {
  const testbed = exampleTestbed();
  expect(leaderships(testbed, [])).toEqual([]);
  testbed.clusters.cluster1 = { ...testbed.clusters.cluster1!, standby: 'worker-1' };
  const of = (first: 'leading' | 'standby' | null, second: 'leading' | 'standby' | null) => {
    const agent = (name: string, role: 'leading' | 'standby' | null) => ({
      agent: name,
      alive: role !== null,
      ...(role && { role }),
    });
    const [one] = leaderships(testbed, [agent('cluster-cluster1', first), agent('standby-cluster1', second)]);
    return [one?.severity, one?.text];
  };
  expect(of('leading', 'standby')).toEqual(['ok', 'cluster-cluster1 leads, standby-cluster1 stands by']);
  expect(of('standby', 'leading')).toEqual(['ok', 'standby-cluster1 leads, cluster-cluster1 stands by']);
  expect(of(null, 'leading')).toEqual(['warning', 'standby-cluster1 leads alone: cluster-cluster1 has fallen silent']);
  expect(of('standby', null)).toEqual(['error', 'nobody leads cluster1: nothing is decided there']);
  expect(leaderships(testbed, [])[0]?.severity).toBe('error');
});
