import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contextDouble, exampleTestbed } from '../phases/support/context-double.ts';
import { toolsOf } from '../phases/support/options.ts';
import { controlPlaneSteps, fitsStep } from './upgrade-steps.ts';

/** A double of kubectl: the API of a control plane that has just been restarted refuses the first two who ask. */
const kubectl = `#!/bin/sh
echo $(echo "$*") >>"$0.said"
if [ "$(wc -l <"$0.said")" -le 2 ]; then
  echo 'The connection to the server 10.99.3.12:6443 was refused - did you specify the right host or port?' >&2; exit 1
fi
case "$*" in *'get nodes'*) echo 'master-1 v1.35.6';; esac
`;

describe('an upgrade', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'upgrade-'));
    const kubeadm = { name: 'kubeadm', version: '1.36.2', arch: 'amd64', file: 'kubeadm', sha256: '0'.repeat(64) };
    writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify({ artefacts: [kubeadm] }));
    writeFileSync(path.join(folder, 'kubectl'), kubectl);
    writeFileSync(path.join(folder, 'kubeadm'), `#!/bin/sh\necho "kubeadm $*" >>${folder}/kubectl.said\n`);
    for (const name of ['kubectl', 'kubeadm']) chmodSync(path.join(folder, name), 0o755);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const parts = () => {
    const testbed = exampleTestbed({ bundle: folder });
    const context = contextDouble(testbed, folder);
    const tools = toolsOf({
      distFolder: folder,
      assetsFolder: path.join(import.meta.dirname, '../../assets'),
      cacheFolder: folder,
    });
    return { context, tools, master: testbed.hosts.find(({ role }) => role === 'master')! };
  };
  const run = (script: unknown) =>
    spawnSync('/bin/sh', ['-c', String(script).replaceAll('PATH=/opt/', `PATH=${folder}:/opt/`)], { encoding: 'utf8' });
  const said = () => readFileSync(path.join(folder, 'kubectl.said'), 'utf8').split('\n');

  it('waits for the API of a control plane that was cut off, before it looks at the nodes', async () => {
    const { context, tools, master } = parts();
    const { status, stderr } = run((await fitsStep(master, context, tools)).change);
    expect([status, stderr]).toEqual([0, '']);
    expect(said().at(-2)).toContain('get nodes');
  }, 20_000);

  it('waits for it before kubeadm goes on with what was begun', async () => {
    const { context, tools, master } = parts();
    const apply = (await controlPlaneSteps(master, context, tools)).find(({ id }) => id === 'upgrade-apply');
    run(apply?.change);
    const lines = said();
    expect(lines.slice(0, 3).every((line) => line.includes('/readyz'))).toBe(true);
    expect(lines[3]).toMatch(/^kubeadm upgrade plan/);
  }, 20_000);
});
