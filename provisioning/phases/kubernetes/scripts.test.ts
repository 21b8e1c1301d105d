import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubernetesPhase } from '../kubernetes.ts';
import { contextDouble, exampleTestbed } from '../support/context-double.ts';
import { toolsOf } from '../support/options.ts';
import { kubeadm } from './scripts.ts';

/** What kubeadm 1.36.2 said on a host without /dev/kmsg, and what kubelet said meanwhile. */
const warnings = `\t[WARNING ContainerRuntimeVersion]: You must update your container runtime
\t[WARNING SystemVerification]: cgroups v1 support is deprecated and will be removed in a future release.
`;
const reason = 'error: error execution phase wait-control-plane: could not bootstrap the admin user in file admin.conf';
const kubeletLine =
  'E1123 17:10:02.915572    1032 run.go:72] "command failed" err="failed to run Kubelet: failed to create kubelet: open /dev/kmsg: no such file or directory"';

describe('kubeadm that fails', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'kubeadm-'));
    const program = (name: string, text: string) => {
      writeFileSync(path.join(folder, name), `#!/bin/sh\n${text}\n`);
      chmodSync(path.join(folder, name), 0o755);
    };
    const trailer = 'To see the stack trace of this error execute with --v=5 or higher';
    program('kubeadm', `printf '%s' '${warnings}' >&2; echo '${reason}' >&2; echo '${trailer}' >&2; exit 1`);
    program('journalctl', `echo '${kubeletLine}'; for line in 1 2 3; do echo "kubelet.service: Scheduled restart $line"; done`);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const failed = () => {
    const env = { PATH: `${folder}:${process.env.PATH}`, TMPDIR: folder };
    return spawnSync('/bin/sh', ['-eu'], { input: kubeadm('init'), encoding: 'utf8', env });
  };
  const remedies = async () => {
    // Of an empty bundle, which asks no network.
    writeFileSync(path.join(folder, 'manifest.json'), '{"artefacts":[]}');
    const context = contextDouble(exampleTestbed({ bundle: folder }), folder);
    const tools = toolsOf({
      distFolder: folder,
      assetsFolder: path.join(import.meta.dirname, '../../../assets'),
      cacheFolder: folder,
    });
    const steps = await kubernetesPhase(tools).steps(context.testbed.hosts[1]!, context);
    return steps.find((step) => step.id === 'kubeadm-init')?.remedies ?? [];
  };

  it('ends with its own reason, not with its advice', () => {
    const { status, stderr } = failed();
    expect(status).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toBe(reason);
    expect(stderr).toContain(kubeletLine);
  });

  it('is explained by what kubelet died of, not by a warning that every run has', async () => {
    const known = await remedies();
    expect(known.find(({ pattern }) => pattern.test(failed().stderr))?.cause).toMatch(/finds no \/dev\/kmsg/);
    expect(known.filter(({ pattern }) => pattern.test(warnings))).toEqual([]);
  });
});
