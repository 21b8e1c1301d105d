import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { digestCommand } from './digest-command.ts';
import { quote } from './quote.ts';

it('prints the SHA-256 of a file, with OpenSSL and without it, and nothing for a file that is not there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'a digest '));
  const programs = (...names: string[]): string => {
    const place = mkdtempSync(join(folder, 'bin-'));
    for (const name of names)
      symlinkSync(execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(), join(place, name));
    return place;
  };
  const file = join(folder, "what's in it");
  writeFileSync(file, 'content');
  const expected = createHash('sha256').update('content').digest('hex');
  for (const path of [programs('openssl', 'cut'), programs('sha256sum', 'cut')]) {
    const digest = (of: string) =>
      execFileSync('/bin/sh', ['-c', `printf '<%s>' "$(${digestCommand(quote(of))})"`], {
        encoding: 'utf8',
        env: { PATH: path },
      });
    expect(digest(file)).toBe(`<${expected}>`);
    expect(digest(join(folder, 'missing'))).toBe('<>');
  }
  rmSync(folder, { recursive: true });
});
