import { expect, it } from 'vitest';
import { parseDescription } from '../../../agents/descriptions/parse.ts';
import { smokeDescription } from './smoke.ts';

it('the smoke application is a description that agents take, with and without a node', () => {
  for (const node of [undefined, 'worker-2']) {
    const described = parseDescription(smokeDescription('cluster1', node), 'smoke.yaml');
    if (described.kind !== 'MLSysOpsApp') return expect.fail(described.kind);
    expect(described.value.cluster_placement?.cluster_id).toEqual(['cluster1']);
    expect(described.value.components.map((component) => component.node_placement?.node)).toEqual([node]);
  }
});
