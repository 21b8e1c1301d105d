import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { SecretRequest } from '../../provisioning/ssh/secrets.ts';
import type { SecretEvent } from '../contract/secrets.ts';
import { Secrets } from './secrets.ts';
import { Vault, vaultKeyBytes } from './vault.ts';

const folder = mkdtempSync(join(tmpdir(), 'mls-vault-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `kept-${++files}.json`);
const key = randomBytes(vaultKeyBytes);
const logged: string[] = [];
async function opened(file: string, by = key): Promise<Vault> {
  const vault = new Vault(file, (text) => logged.push(text));
  await vault.unlock(by);
  return vault;
}

test('what is kept is there again by the same key, and stands nowhere in the file', async () => {
  const file = newFile();
  const vault = await opened(file);
  await Promise.all([vault.put('office', 'a', 'correct horse 9'), vault.put('lab', 'a', 'battery 7 staple')]);
  await vault.put('office', 'a', 'another horse 5');
  expect(readFileSync(file, 'utf8')).not.toMatch(/horse|battery/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = await opened(file);
  expect([again.get('office', 'a'), again.get('lab', 'a'), again.get('office', 'b')]).toEqual([
    'another horse 5',
    'battery 7 staple',
    null,
  ]);
  await again.forget('office');
  expect([again.count(null), again.count('office')]).toEqual([1, 0]);
  await again.remove('lab', 'a');
  expect(existsSync(file)).toBe(false);
});

test('a file that the key does not open, or where a secret was put in the place of another, is put aside and told', async () => {
  const file = newFile();
  const vault = await opened(file);
  await vault.put('office', 'a', 'correct horse 9');
  const other = await opened(file, randomBytes(vaultKeyBytes));
  expect(other.get('office', 'a')).toBeNull();
  expect(existsSync(`${file}.unreadable`)).toBe(true);
  expect(logged.at(-1)).toContain('put aside');

  writeFileSync(file, readFileSync(`${file}.unreadable`, 'utf8').replace('"office"', '"lab"'));
  const swapped = await opened(file);
  expect(swapped.get('lab', 'a')).toBeNull();
  writeFileSync(file, '{"version":1');
  expect((await opened(file)).count(null)).toBe(0);
});

test('without a key nothing is kept', async () => {
  const vault = new Vault(newFile(), () => {});
  expect(vault.locked).toBe(true);
  await expect(vault.put('office', 'a', 'correct horse 9')).rejects.toThrow('no keychain');
  expect(() => vault.unlock(Buffer.alloc(5))).toThrow(RangeError);
});

const request = (attempt: number, kind: SecretRequest['kind'] = 'password'): SecretRequest => ({
  ...{ kind, host: 'gate', user: 'alice', prompt: 'Password:', echo: false, attempt },
});

test('a kept password is given without asking, until it is wrong; one-time codes are never kept', async () => {
  const vault = await opened(newFile());
  const secrets = new Secrets(vault, (text) => logged.push(text));
  const ask = secrets.askFor('office');
  // Nobody watches.
  expect(await ask(request(1))).toBeNull();
  const asked: Extract<SecretEvent, { type: 'ask' }>[] = [];
  const abort = new AbortController();
  const watching = secrets.watch('office', async (event) => void (event.type === 'ask' && asked.push(event)), abort.signal);
  const answered = async (attempt: number, secret: string, kind?: SecretRequest['kind']) => {
    const before = asked.length;
    const answer = ask(request(attempt, kind));
    await expect.poll(() => asked.length).toBe(before + 1);
    secrets.answer(asked.at(-1)?.id ?? '', secret, true);
    return answer;
  };
  expect(await answered(1, 'correct horse 9')).toBe('correct horse 9');
  expect(asked[0]?.canKeep).toBe(true);
  expect(await answered(1, '123456', 'one-time-code')).toBe('123456');
  expect(asked[1]?.canKeep).toBe(false);
  abort.abort();
  await watching;
  // Nobody watches any more, and it is there.
  expect(await ask(request(1))).toBe('correct horse 9');
  expect(await ask(request(1, 'one-time-code'))).toBeNull();
  // It was wrong.
  expect(await ask(request(2))).toBeNull();
  expect(await ask(request(1))).toBeNull();
  expect(vault.count('office')).toBe(0);
});
