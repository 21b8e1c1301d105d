import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { promptedShell } from './shell-prompt.ts';
import { localShell } from './shells.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'mls-prompt-'));
  await writeFile(join(home, '.bashrc'), "alias hello='echo from my own file'\nPROMPT_COMMAND='PS1=\"mine> \";'\n");
  await writeFile(join(home, '.zshrc'), "alias hello='echo from my own file'\nPROMPT='mine> '\n");
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function said(program: string, typed: string, until: RegExp): Promise<string> {
  const { args, env } = await promptedShell({
    program,
    dataFolder: join(home, 'data'),
    label: 'lab/cluster1',
    zdotdir: undefined,
  });
  const own = { PATH: process.env.PATH, HOME: home, SHELL: program, TERM: 'dumb', KUBECONFIG: '/the/file' };
  const shell = localShell({ columns: 200, rows: 24 }, own, env, args);
  let text = '';
  shell.onData((part) => {
    text += part;
  });
  try {
    await expect.poll(() => text, { timeout: 10_000 }).toMatch(/\(lab\/cluster1\) /);
    shell.write(typed);
    await expect.poll(() => text, { timeout: 10_000 }).toMatch(until);
    return text;
  } finally {
    shell.close();
  }
}

test.each(['/bin/bash', '/usr/bin/zsh'].filter((program) => existsSync(program)))(
  '%s keeps its user’s own files and prompt, with the cluster before it, each time',
  async (program) => {
    const text = await said(
      program,
      'hello; echo $KUBECONFIG\r',
      /from my own file[\s\S]*\/the\/file[\s\S]*\(lab\/cluster1\) mine>/,
    );
    expect(text).not.toMatch(/\(lab\/cluster1\) \(lab/);
  },
);

test('any other shell is told its prompt', async () => {
  await said('/bin/sh', 'echo $((40+2))\r', /42\r\n\(lab\/cluster1\) \$ /);
});

test('what a shell could take for more than text is no prompt', async () => {
  const options = { program: '/bin/bash', dataFolder: home, zdotdir: undefined };
  await expect(promptedShell({ ...options, label: 'lab/$(id)' })).rejects.toThrow(RangeError);
});
