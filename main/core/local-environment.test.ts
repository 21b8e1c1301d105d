import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { localEnvironment, mergeKubeconfigs } from './local-environment.ts';

const kubeconfig = (server: string, token: string) =>
  JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'kubernetes-admin@kubernetes' },
    clusters: [{ name: 'kubernetes', cluster: { server } }],
    users: [{ name: 'kubernetes-admin', user: { token } }],
    contexts: [{ name: 'kubernetes-admin@kubernetes', context: { cluster: 'kubernetes', user: 'kubernetes-admin' } }],
  });

test('clusters that kubeadm calls by the same name get contexts of their own', () => {
  const merged = parse(mergeKubeconfigs({ cluster1: kubeconfig('https://a', 'x'), karmada: kubeconfig('https://b', 'y') }));
  expect(merged['current-context']).toBe('cluster1');
  expect(merged.contexts.map(({ name }: { name: string }) => name)).toEqual(['cluster1', 'karmada']);
  expect(merged.clusters[1]).toEqual({ name: 'karmada', cluster: { server: 'https://b' } });
  expect(merged.users[1]).toEqual({ name: 'karmada', user: { token: 'y' } });
  expect(() => mergeKubeconfigs({ a: 'nonsense' })).toThrow();
});

test('a shell finds mlsysops-cli in its PATH, and what is secret is its user’s alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mls-env-'));
  try {
    const env = await localEnvironment({
      dataFolder: join(folder, "data of o'neil"),
      distFolder: join(process.cwd(), 'dist'),
      path: process.env.PATH,
      testbed: { name: 'lab', folder: join(folder, 'secrets'), kubeconfigs: { cluster1: kubeconfig('https://a', 'x') } },
    });
    expect(env).toMatchObject({ MLSYSOPS_TESTBED: 'lab', KUBECONFIG: join(folder, 'secrets', 'kubeconfig') });
    expect(statSync(env.KUBECONFIG!).mode & 0o777).toBe(0o600);
    const cluster = await localEnvironment({
      ...{ dataFolder: folder, distFolder: join(process.cwd(), 'dist'), path: undefined, cluster: 'karmada' },
      testbed: {
        ...{ name: 'lab', folder: join(folder, 'secrets') },
        kubeconfigs: { cluster1: kubeconfig('https://a', 'x'), karmada: kubeconfig('https://b', 'y') },
      },
    });
    expect(parse(readFileSync(cluster.KUBECONFIG!, 'utf8'))).toMatchObject({ 'current-context': 'karmada' });
    expect(parse(readFileSync(env.KUBECONFIG!, 'utf8'))).toMatchObject({ 'current-context': 'cluster1' });
    const found = execFileSync('sh', ['-c', 'command -v mlsysops-cli'], { env, encoding: 'utf8' }).trim();
    expect(found).toBe(join(folder, "data of o'neil", 'bin', 'mlsysops-cli'));
    expect(readFileSync(found, 'utf8')).toContain(join('main', 'cli', 'bin.mjs'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
