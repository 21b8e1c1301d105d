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
  await expect(vault.put('office', 'a', 'correct horse 9')).rejects.toThrow('neither keychain nor passphrase');
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
  expect(asked[0]?.keptBy).toBe('keychain');
  expect(await answered(1, '123456', 'one-time-code')).toBe('123456');
  expect(asked[1]?.keptBy).toBeNull();
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

/** 1,024 rounds: seconds of them are no test of ours. */
const quick = (file: string) => new Vault(file, (text) => logged.push(text), 10);

test('where there is no keychain, a passphrase guards what is kept: a wrong one opens nothing and loses nothing', async () => {
  const file = newFile();
  const vault = quick(file);
  expect(await vault.guard()).toBe('none');
  expect(await vault.unlockWith('four words of mine')).toBe(true);
  await vault.put('office', 'a', 'correct horse 9');
  expect(readFileSync(file, 'utf8')).not.toMatch(/horse|four words/);
  const again = quick(file);
  expect([again.locked, await again.guard()]).toEqual([true, 'passphrase']);
  expect(await again.unlockWith('four words of his')).toBe(false);
  expect([again.locked, again.get('office', 'a')]).toEqual([true, null]);
  // A keychain that appears does not lose it either.
  await again.unlock(key);
  expect([again.locked, existsSync(file)]).toEqual([true, true]);
  expect(await again.unlockWith('four words of mine')).toBe(true);
  expect(again.get('office', 'a')).toBe('correct horse 9');
  // Forgotten: nothing is kept any more, and another one may be chosen.
  const third = quick(file);
  await third.reset();
  expect([existsSync(file), await third.guard()]).toEqual([false, 'none']);
  expect(await third.unlockWith('another one of mine')).toBe(true);
  // One that a keychain guards is not opened by a passphrase.
  const guarded = newFile();
  await (await opened(guarded)).put('office', 'a', 'x');
  await expect(quick(guarded).unlockWith('four words of mine')).rejects.toThrow('keychain');
});

test('the passphrase is chosen with the first password that is kept, and asked for once by the next core, for all hosts that need it', async () => {
  const file = newFile();
  const watched = (secrets: Secrets, answers: Record<string, (string | null)[]>) => {
    const seen: string[] = [];
    const abort = new AbortController();
    const done = secrets.watch(
      'office',
      async (event) => {
        if (event.type !== 'ask') return;
        const { kind, prompt } = event.request;
        seen.push(`${kind}: ${prompt}`);
        const next = answers[kind]?.shift();
        if (next !== undefined) secrets.answer(event.id, next, kind === 'password');
      },
      abort.signal,
    );
    const end = async () => {
      abort.abort();
      await done;
    };
    return { seen, end };
  };
  const vault = quick(file);
  const first = new Secrets(vault, (text) => logged.push(text));
  const chosen = watched(first, {
    password: ['correct horse 9'],
    'vault-new': ['short', 'four words of mine', 'four words of mins', 'four words of mine', 'four words of mine'],
  });
  expect(await first.askFor('office')(request(1))).toBe('correct horse 9');
  await expect.poll(() => vault.count('office')).toBe(1);
  expect(chosen.seen).toEqual([
    'password: Password:',
    'vault-new: A passphrase for kept passwords, of your choice:',
    'vault-new: It needs at least 8 characters. A passphrase for kept passwords, of your choice:',
    'vault-new: The same passphrase once more:',
    'vault-new: The two were not the same. A passphrase for kept passwords, of your choice:',
    'vault-new: The same passphrase once more:',
  ]);
  await chosen.end();

  const next = new Secrets(quick(file), (text) => logged.push(text));
  // Nobody is there to be asked.
  expect(await next.askFor('office')(request(1))).toBeNull();
  const opening = watched(next, { vault: ['four words of his', 'four words of mine'] });
  const all = await Promise.all([1, 2, 3].map(() => next.askFor('office')(request(1))));
  expect(all).toEqual(Array(3).fill('correct horse 9'));
  expect(opening.seen).toEqual([
    'vault: Passphrase of the kept passwords:',
    'vault: That was not it. Passphrase of the kept passwords:',
  ]);
  await opening.end();

  // Whoever goes on without is asked by the hosts, and not again for the passphrase; a reset lets go of it all.
  const without = new Secrets(quick(file), (text) => logged.push(text));
  const declined = watched(without, { vault: [null], password: ['typed', 'typed', 'typed'] });
  expect(await without.askFor('office')(request(1))).toBe('typed');
  expect(await without.askFor('office')(request(1))).toBe('typed');
  expect(declined.seen.filter((one) => one.startsWith('vault: Pass')).length).toBeGreaterThanOrEqual(1);
  await without.reset();
  expect(existsSync(file)).toBe(false);
  await declined.end();
});
