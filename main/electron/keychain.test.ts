import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SafeStorage } from 'electron';
import { afterAll, expect, test } from 'vitest';
import { type Keychain, systemKeychain, vaultKey } from './keychain.ts';

const folder = mkdtempSync(join(tmpdir(), 'mls-keychain-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A keychain of this test's own, with a key in memory. */
function keychain(): Keychain {
  const key = randomBytes(32);
  return {
    encrypt(text) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
    },
    decrypt(bytes) {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString();
    },
  };
}

test('the key stays the same, and lies encrypted; after a reset of the keychain it is a new one', () => {
  const ours = keychain();
  const logged: string[] = [];
  const key = vaultKey(folder, ours, (text) => logged.push(text));
  expect(vaultKey(folder, ours, (text) => logged.push(text))).toBe(key);
  const file = join(folder, 'kept-secrets.key');
  expect(readFileSync(file, 'latin1')).not.toContain(key);
  expect(logged).toEqual([]);
  expect(vaultKey(folder, keychain(), (text) => logged.push(text))).not.toBe(key);
  expect(existsSync(`${file}.unreadable`)).toBe(true);
  expect(logged).toHaveLength(1);
});

test('a storage that encrypts with a word that everybody knows is none', () => {
  const storage = (backend: string, available = true) =>
    ({ isEncryptionAvailable: () => available, getSelectedStorageBackend: () => backend }) as unknown as SafeStorage;
  expect(systemKeychain(storage('basic_text'), 'linux')).toBeNull();
  expect(systemKeychain(storage('unknown'), 'linux')).toBeNull();
  expect(systemKeychain(storage('gnome_libsecret', false), 'linux')).toBeNull();
  expect(systemKeychain(storage('gnome_libsecret'), 'linux')).not.toBeNull();
});
