import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { asPrompt, kindOf } from './keyboard-interactive.ts';
import { KnownHosts } from './known-hosts.ts';
import { OneTimeCodeHost } from './one-time-code-host-double.ts';
import { SshPool } from './pool.ts';
import type { SecretRequest } from './secrets.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'one-time-code-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('asks for each code, in the words of the host, and keeps none; the password beside it is kept', async () => {
  const double = new OneTimeCodeHost('secret', ['111111', '222222', '333333']);
  await double.start();
  const knownHosts = new KnownHosts(path.join(folder, 'known_hosts'));
  await knownHosts.add('127.0.0.1', double.port, double.hostKey);
  const answers = ['secret', '999999', 'secret', '111111', '222222'];
  const asked: SecretRequest[] = [];
  const ask = (request: SecretRequest) => Promise.resolve(answers[asked.push(request) - 1] ?? null);
  const pool = new SshPool({ knownHosts, agent: null, homeFolder: folder, ask });
  const host = {
    name: 'lab',
    address: '127.0.0.1',
    port: double.port,
    user: 'me',
    role: 'worker' as const,
    cluster: 'c',
    labels: {},
  };
  try {
    // A wrong code: which of the two was wrong is not told, so both are asked again.
    (await pool.connect(host)).close();
    // A new connection needs a new code, and no new password.
    await pool.connect(host);
  } finally {
    await pool.close();
    await double.stop();
  }
  expect(double.used).toEqual(['111111', '222222']);
  expect(asked.map(({ kind, prompt, attempt }) => [kind, prompt, attempt])).toEqual([
    ['password', 'Lab Two steps Password:', 1],
    ['one-time-code', 'Lab Two steps Verification code:', 1],
    ['password', 'Lab Two steps Password:', 2],
    ['one-time-code', 'Lab Two steps Verification code:', 2],
    ['one-time-code', 'Lab Two steps Verification code:', 1],
  ]);
});

it('tells by the words of a prompt what it wants', () => {
  const kinds = (
    [
      'Password: ',
      'One-time password (OATH) for `me`: ',
      'Passcode or option (1-3): ',
      'New password: ',
      'Your birthday? ',
    ] as const
  ).map((prompt) => kindOf({ prompt, echo: false }));
  expect(kinds).toEqual(['password', 'one-time-code', 'one-time-code', 'keyboard-interactive', 'keyboard-interactive']);
  expect(asPrompt('\u001b]0;title\u0007Password:\r\n')).toBe(']0;title Password:');
});
