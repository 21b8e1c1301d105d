import { describe, expect, it } from 'vitest';
import { exampleTestbed } from '../phases/support/context-double.ts';
import { makeCells } from '../run/cells.ts';
import { Failure } from '../run/failure.ts';
import type { Host } from '../testbed/schema.ts';
import { addHost } from './add-host.ts';
import type { Operation } from './operation.ts';
import { removeHost } from './remove-host.ts';
import { replaceHost } from './replace-host.ts';
import { resetHost } from './reset-host.ts';
import { rotateCertificates } from './rotate-certificates.ts';
import { upgrade } from './upgrade.ts';

const options = { distFolder: '/nowhere', assetsFolder: '/nowhere' };
const testbed = exampleTestbed();
const worker = testbed.hosts.find(({ name }) => name === 'worker-2')!;
const names = (hosts: readonly Host[]): string[] => hosts.map(({ name }) => name);
const said = (act: () => unknown): string => {
  try {
    act();
    return 'went through';
  } catch (error) {
    return error instanceof Failure ? `${error.value.code}: ${error.message}` : String(error);
  }
};

describe('operations of day two', () => {
  it('are refused before anything is touched, with what to do instead', () => {
    expect(said(() => removeHost(testbed, 'nobody', options))).toBe(
      'refused: the testbed lab has no host "nobody". Its hosts: management, master-1, worker-1, worker-2',
    );
    expect(said(() => removeHost(testbed, 'management', options))).toContain('the whole testbed is built on it');
    expect(said(() => removeHost(testbed, 'master-1', options))).toContain('is the control plane of cluster1');
    expect(said(() => addHost(testbed, worker, options))).toContain('two hosts are called "worker-2"');
    expect(said(() => addHost(testbed, { ...worker, name: 'worker-3' }, options))).toContain('have the same address');
    expect(said(() => addHost(testbed, { ...worker, name: 'w', address: '10.77.0.20', cluster: 'cluster9' }, options))).toContain(
      'has no cluster "cluster9". Its clusters: management, cluster1',
    );
    expect(said(() => addHost(testbed, { ...worker, name: 'm', address: '10.77.0.20', role: 'master' }, options))).toContain(
      'only workers can be added',
    );
    expect(said(() => upgrade(testbed, '1.38.0', options))).toContain(
      'one minor version at a time: not from 1.36.2 to 1.38.0. Upgrade to 1.37 first',
    );
    expect(said(() => upgrade(testbed, '1.35.9', options))).toContain('cannot go back from 1.36.2 to 1.35.9');
    expect(said(() => upgrade(testbed, '1.36.1', options))).toContain('cannot go back');
    expect(said(() => upgrade(testbed, 'v1.37', options))).toContain('is not a version of Kubernetes');
  });

  it('leave the testbed that they say', () => {
    const removed = removeHost(testbed, 'worker-2', options);
    expect([names(removed.before.hosts), names(removed.after.hosts)]).toEqual([
      names(testbed.hosts),
      ['management', 'master-1', 'worker-1'],
    ]);
    expect(names(removeHost(testbed, 'worker-2', options, { gone: true }).testbed.hosts)).not.toContain('worker-2');
    const added = addHost(removed.after, worker, options);
    expect([added.before, added.after]).toEqual([testbed, testbed]);
    const upgraded = upgrade(testbed, '1.37.0', options, { bundle: '/media/new' });
    expect([upgraded.before, upgraded.after.kubernetes.version, upgraded.after.artefacts.bundle]).toEqual([
      testbed,
      '1.37.0',
      '/media/new',
    ]);
    expect(resetHost(testbed, 'worker-1', options)).toMatchObject({ verb: 'down', hosts: ['worker-1'], after: testbed });
  });

  it('have phases that wait for nothing that is not there, and for no other in a circle', () => {
    const operations: Operation[] = [
      removeHost(testbed, 'worker-2', options),
      removeHost(testbed, 'worker-2', options, { gone: true }),
      addHost(removeHost(testbed, 'worker-2', options).after, worker, options),
      ...names(testbed.hosts).map((name) => replaceHost(testbed, name, options)),
      upgrade(testbed, '1.37.0', options),
      rotateCertificates(testbed, options),
    ];
    for (const { phases, testbed: of } of operations)
      expect(makeCells(phases, of, new Map())).toHaveLength(phases.length * of.hosts.length);
  });

  it('upgrades each worker after the one before, and none before its control plane', () => {
    const { phases } = upgrade(testbed, '1.37.0', options);
    const cells = makeCells(phases, testbed, new Map());
    const needsOf = (phase: string, host: string): string[] =>
      (cells.find((cell) => cell.phase.id === phase && cell.host.name === host)?.needs ?? []).map(
        (cell) => `${cell.phase.id} on ${cell.host.name}`,
      );
    expect(needsOf('workers', 'worker-1')).toEqual(['control-planes on master-1']);
    expect(needsOf('workers', 'worker-2')).toEqual(['control-planes on master-1', 'workers on worker-1']);
    // As seen with real binaries: kubeadm's health check may run on any node, with the new version's pause image.
    expect(needsOf('control-planes', 'master-1')).toEqual(['images on master-1', 'images on worker-1', 'images on worker-2']);
    expect(needsOf('control-planes', 'management')).toEqual(['images on management']);
    expect(needsOf('images', 'worker-2')).toEqual(names(testbed.hosts).map((name) => `versions on ${name}`));
  });
});
