import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepKernelSettings, restoreKernelSettings } from './kernel-settings.ts';

describe("what kubelet sets in a host's kernel", () => {
  let root: string;
  const at = (name: string) => path.join(root, name);
  const run = (script: string) => execFileSync('sh', ['-eu'], { input: script, stdio: ['pipe', 'pipe', 'inherit'] });
  const set = (name: string, value: string) => {
    mkdirSync(path.dirname(at(`proc/sys/${name}`)), { recursive: true });
    writeFileSync(at(`proc/sys/${name}`), `${value}\n`);
  };
  const get = (name: string) => readFileSync(at(`proc/sys/${name}`), 'utf8').trim();

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'kernel-'));
    set('kernel/panic', '0');
    set('vm/overcommit_memory', '2');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('is as it was before, and so are folders that were not there', () => {
    const where = { root, before: at('before') };
    run(keepKernelSettings(where));
    set('kernel/panic', '10');
    set('vm/overcommit_memory', '1');
    mkdirSync(at('usr/libexec/kubernetes/kubelet-plugins/volume/exec'), { recursive: true });
    mkdirSync(at('lib/modules/6.1.0'), { recursive: true });
    writeFileSync(at('lib/modules/6.1.0/modules.dep'), "somebody's");
    // A second try, after one that died half-way, notes nothing of what the first one set.
    run(keepKernelSettings(where));
    run(restoreKernelSettings(where));
    expect([get('kernel/panic'), get('vm/overcommit_memory')]).toEqual(['0', '2']);
    expect(existsSync(at('usr/libexec/kubernetes'))).toBe(false);
    expect(existsSync(at('lib/modules/6.1.0/modules.dep'))).toBe(true);
    expect(existsSync(at('before/kernel-settings'))).toBe(false);
  });

  it('stays as it is on a host of which nothing was noted, and where something of it is not to be written', () => {
    const where = { root, before: at('before') };
    set('kernel/panic', '10');
    run(restoreKernelSettings(where));
    expect(get('kernel/panic')).toBe('10');
    run(keepKernelSettings(where));
    rmSync(at('proc/sys/kernel'), { recursive: true });
    set('vm/overcommit_memory', '1');
    run(`${restoreKernelSettings(where)}\n:`);
    expect(get('vm/overcommit_memory')).toBe('2');
  });
});
