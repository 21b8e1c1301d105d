import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRecipe } from '../../recipe.ts';
import { Failure } from '../../run/failure.ts';
import { contextDouble, exampleTestbed } from '../support/context-double.ts';

const root = path.join(import.meta.dirname, '../../..');
const kubeconfig = (server: string, more = '') => `apiVersion: v1
kind: Config
clusters: [{ name: lab, cluster: { server: "${server}", certificate-authority-data: TEFC } }]
users: [{ name: admin, user: { token: a-secret-token${more} } }]
contexts: [{ name: lab, context: { cluster: lab, user: admin } }]
current-context: lab
`;

describe('a cluster that is there already', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'adopt-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const adopted = (text: string) => {
    const file = path.join(folder, 'lab.kubeconfig');
    writeFileSync(file, text);
    // Of an empty bundle, which asks no network.
    writeFileSync(path.join(folder, 'manifest.json'), '{"artefacts":[]}');
    const testbed = exampleTestbed({ bundle: folder });
    testbed.clusters.cluster1 = { ...testbed.clusters.cluster1!, kubeconfig: file };
    const context = contextDouble(testbed, folder);
    const phases = makeRecipe({
      distFolder: folder,
      assetsFolder: path.join(root, 'assets'),
      cacheFolder: folder,
    });
    return async (phase: string, name: string) => {
      const host = testbed.hosts.find((one) => one.name === name)!;
      return (await phases.find((one) => one.id === phase)!.steps(host, context)) ?? [];
    };
  };

  it('is used, and nothing of its Kubernetes is set up, or taken down', async () => {
    const steps = adopted(kubeconfig('https://10.77.0.11:6443'));
    const ids = async (phase: string, name: string) => (await steps(phase, name)).map((step) => step.id);
    expect(await ids('runtime', 'master-1')).toEqual([]);
    expect(await ids('kubernetes', 'master-1')).toEqual(['install-kubectl', 'adopt']);
    expect(await ids('kubernetes', 'worker-1')).toEqual([]);
    expect(await ids('network', 'master-1')).toEqual(['labels']);
    expect(await ids('network', 'worker-1')).toEqual([]);
    expect(await ids('prepare', 'worker-1')).not.toContain('swap');
    // The management host's own cluster is made as ever.
    expect(await ids('kubernetes', 'management')).toContain('kubeadm-init');
    const adopt = (await steps('kubernetes', 'master-1')).at(-1)!;
    expect(adopt.undo).not.toMatch(/kubeadm|\/var\/lib\/kubelet/);
    // What a command line or a plan shows holds none of its secrets.
    expect(`${adopt.observe}${adopt.change}`).not.toContain('a-secret-token');
    for (const text of [adopt.observe, adopt.undo!, String(adopt.change)])
      expect(spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  it.each([
    ['https://127.0.0.1:6443', '', /means another computer/],
    ['https://10.77.0.11:6443', ', exec: { command: aws }', /asks a program of this computer/],
    ['https://10.77.0.11:6443', ', client-key: /home/me/key.pem', /names other files/],
  ])('is refused with a kubeconfig that works here alone (%s%s)', async (server, more, cause) => {
    const steps = adopted(kubeconfig(server, more));
    const error = await steps('kubernetes', 'master-1').then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).value).toMatchObject({ code: 'invalid-file', cause: expect.stringMatching(cause) });
    expect((error as Failure).value.remedy).toBeTruthy();
  });
});
