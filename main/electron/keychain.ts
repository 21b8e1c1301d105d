import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SafeStorage } from 'electron';
import { vaultKeyBytes } from '../core/vault.ts';

/** What Electron's safeStorage does, as far as it is used here. */
export interface Keychain {
  encrypt(text: string): Buffer;
  /** @throws when it was encrypted by another keychain */
  decrypt(bytes: Buffer): string;
}

/** Electron's, where it is one: on Linux without a keyring it would encrypt with a word that everybody knows, which is as good as plain text. */
export function systemKeychain(safeStorage: SafeStorage, platform: NodeJS.Platform = process.platform): Keychain | null {
  if (!safeStorage.isEncryptionAvailable()) return null;
  if (platform === 'linux' && ['basic_text', 'unknown'].includes(safeStorage.getSelectedStorageBackend())) return null;
  return {
    encrypt: (text) => safeStorage.encryptString(text),
    decrypt: (bytes) => safeStorage.decryptString(bytes),
  };
}

/**
 * The key of the core's vault, base64: made at first, and kept beside it, encrypted by the keychain. A key that the keychain does not open any more
 * (it was reset) is put aside and made anew.
 */
export function vaultKey(folder: string, keychain: Keychain, log: (text: string) => void): string {
  const file = join(folder, 'kept-secrets.key');
  try {
    const key = keychain.decrypt(readFileSync(file));
    if (Buffer.from(key, 'base64').length === vaultKeyBytes) return key;
    throw new Error('it is no key');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      renameSync(file, `${file}.unreadable`);
      log(`the key of kept passwords could not be opened and was put aside: ${(error as Error).message}`);
    }
  }
  const key = randomBytes(vaultKeyBytes).toString('base64');
  writeFileSync(`${file}.new`, keychain.encrypt(key), { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
  return key;
}
