import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allOf, quote, script, waitFor } from './shell.ts';

const run = (shell: string) => spawnSync('/bin/sh', ['-s'], { input: shell, encoding: 'utf8' });

describe('a change', () => {
  it('stops at the first failure, wherever it is used', () => {
    const change = script('echo first', 'false', 'echo second');
    for (const use of [
      change,
      `if ${change}then echo yes; else echo no; fi`,
      `${change.trimEnd().replace(/^(.*)\n/, '$1 || echo caught\n')}\n`,
    ]) {
      expect(run(use).stdout).not.toContain('second');
      expect(run(use).stdout).toContain('first');
    }
    expect(run(change).status).toBe(1);
  });

  it('is not eaten by a command that reads its input, nor ends what follows', () => {
    expect(run(`${script('cat', 'echo after')}\necho next\n`).stdout).toBe('after\nnext\n');
    expect(run(`${script('exit 3')}\necho "was $?"\n`).stdout).toBe('was 3\n');
  });
});

describe('an observation', () => {
  it('holds when all of it does, and is a condition', () => {
    expect(run(`${allOf('true', 'true')} && echo yes`).stdout).toBe('yes\n');
    expect(run(`if ${allOf('true', 'false', 'echo unreached')}; then echo yes; else echo no; fi`).stdout).toBe('no\n');
  });
});

describe('waiting', () => {
  it('ends as soon as the condition holds, or says why it does not', () => {
    expect(run(script(waitFor('true', 60, 'echo never >&2'), 'echo done')).stdout).toBe('done\n');
    const failed = run(script(waitFor('false', 0.5, 'echo "not there" >&2'), 'echo done'));
    expect([failed.status, failed.stdout, failed.stderr]).toEqual([1, '', 'not there\n']);
  });
});

describe('quoting', () => {
  it('gives any text to the shell as it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
        (text) => {
          expect(run(`printf '%s' ${quote(text)}`).stdout).toBe(text);
        },
      ),
      { numRuns: 50 },
    );
  });
});
