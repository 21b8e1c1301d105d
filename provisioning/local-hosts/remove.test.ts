import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mountedBelow, removeFolder } from './remove.ts';

it('sees every mount below a folder, with blanks in its name too, and none beside it', () => {
  const table = [
    'overlay /a\\040b/root overlay rw 0 0',
    'proc /a\\040b/root/proc proc rw 0 0',
    'tmpfs /a\\040bc tmpfs rw 0 0',
    'tmpfs /a tmpfs rw 0 0',
  ].join('\n');
  expect(mountedBelow('/a b', table)).toEqual(['/a b/root', '/a b/root/proc']);
});

it('removes what lies behind a link on the way, and minds no absence', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'remove-'));
  mkdirSync(join(folder, 'true', 'inner'), { recursive: true });
  writeFileSync(join(folder, 'true', 'inner', 'file'), '');
  symlinkSync(join(folder, 'true'), join(folder, 'link'));
  await removeFolder(join(folder, 'link', 'inner'));
  expect(readdirSync(join(folder, 'true'))).toEqual([]);
  await removeFolder(join(folder, 'link', 'inner'));
  rmSync(folder, { recursive: true });
});
