import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contextDouble, exampleTestbed } from '../support/context-double.ts';
import { joinStep } from './join.ts';

describe('joining a member to Karmada', () => {
  let folder: string;
  const at = (name: string) => path.join(folder, name);
  const program = (name: string, text: string) => writeFileSync(at(name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'join-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('waits for a Karmada that does not answer yet, and leaves a member that it knows then as it is', async () => {
    const step = await joinStep('cluster1', contextDouble(exampleTestbed(), folder));
    const member = 'server: https://10.77.0.11:6443\n';
    mkdirSync(at('etc/members'), { recursive: true });
    mkdirSync(at('notes'));
    writeFileSync(at('etc/members/cluster1.kubeconfig'), member);
    writeFileSync(at('notes/joined-cluster1'), execFileSync('sha256sum', { input: member }));
    // A double of kubectl: the first five times nobody answers.
    program(
      'kubectl',
      `echo x >>${at('asked')}; [ "$(wc -l <${at('asked')})" -gt 5 ] || exit 1
case "$*" in *syncMode*) echo Push ;; *conditions*) echo True ;; esac`,
    );
    program('karmadactl', `echo "$*" >>${at('joined')}`);
    const script = String(step.change)
      .replace(/^.*PATH=.*$/m, `PATH=${folder}:$PATH`)
      .replaceAll('/etc/mlsysops/', `${at('etc')}/`)
      .replaceAll('/var/lib/mlsysops/provisioning/', `${at('notes')}/`);
    execFileSync('sh', ['-eu'], { input: script, timeout: 60_000 });
    expect(readFileSync(at('asked'), 'utf8').split('\n').length).toBeGreaterThan(5);
    expect(existsSync(at('joined'))).toBe(false);
  });
});
