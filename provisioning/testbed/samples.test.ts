import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { Failure } from '../run/failure.ts';
import { testbedOf } from './choose.ts';
import { parseTestbedFile } from './parse.ts';
import { writeTestbedFile } from './write.ts';

const folder = path.resolve(import.meta.dirname, '../../assets/testbeds');

describe('the sample testbeds', () => {
  it('are testbeds, know their schema, and stay the same when they are written', () => {
    const names = readdirSync(folder);
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) {
      const text = readFileSync(path.join(folder, name), 'utf8');
      const schema = /^# yaml-language-server: \$schema=(.+)$/m.exec(text)?.[1] ?? '';
      expect(existsSync(path.join(folder, schema)), name).toBe(true);
      const testbed = parseTestbedFile(text, name);
      expect(parseTestbedFile(writeTestbedFile(testbed), name)).toEqual(testbed);
    }
  });
});

describe('a testbed of chosen hosts', () => {
  it('gets names and networks, or is refused with a reason', () => {
    const testbed = testbedOf('lab', [
      { address: 'Gate.lab_1', role: 'management' },
      { address: 'pi.1', role: 'master' },
      { address: 'pi_1', role: 'worker' },
      { address: '192.0.2.7', role: 'master', cluster: 'room' },
    ]);
    expect(testbed.hosts.map(({ name, cluster }) => [name, cluster])).toEqual([
      ['gate-lab-1', 'management'],
      ['pi-1', 'cluster1'],
      ['pi-1-2', 'cluster1'],
      ['192-0-2-7', 'room'],
    ]);
    expect(parseTestbedFile(writeTestbedFile(testbed), 'x')).toEqual(testbed);
    const refused = (...hosts: Parameters<typeof testbedOf>[1]) => {
      try {
        testbedOf('lab', hosts);
      } catch (error) {
        return (error as Failure).value;
      }
      return null;
    };
    expect(refused({ address: 'a', role: 'worker' })).toMatchObject({
      code: 'refused',
      cause: expect.stringContaining('management'),
    });
    expect(refused({ address: 'me@a', role: 'management' })).toMatchObject({
      code: 'refused',
      cause: expect.stringContaining('without user'),
    });
  });
});

describe('an inventory or a testbed of any shape', () => {
  it('is read, or refused with a typed failure; no key of it is taken for one of ours', () => {
    const key = fc.constantFrom(
      ...['all', 'vars', 'hosts', 'children', 'management_cluster', 'master_nodes', 'worker_nodes', 'cluster1', 'ansible_host'],
      ...[
        'ansible_port',
        'ansible_user',
        'labels',
        '__proto__',
        'constructor',
        'toString',
        'name',
        'jump',
        'kind',
        'clusters',
        'h1',
        '',
      ],
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6, depthSize: 'medium' },
        fc.constantFrom<unknown>('192.0.2.1', 'x', 22, null, true, -1, 1e30, '', 'none', '10.10.0.0/16'),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.array(fc.tuple(key, tie('tree')), { maxLength: 5 }).map((pairs) => new Map(pairs)),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        try {
          parseTestbedFile(stringify(value), 'fuzz.yaml');
        } catch (error) {
          if (!(error instanceof Failure) || error.value.code !== 'invalid-file') throw error;
        }
      }),
      { numRuns: 400 },
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('with aliases that grow without end is refused', () => {
    const bomb = ['a0: &a0 [x, x]', ...Array.from({ length: 30 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}]`)].join(
      '\n',
    );
    expect(() => parseTestbedFile(bomb, 'bomb.yaml')).toThrow(Failure);
  });
});
