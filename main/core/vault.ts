import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';

/** AES-256-GCM: 12 bytes of nonce, 16 of tag, then the text; base64. */
const sealedSchema = z.string().regex(/^[A-Za-z0-9+/]{38,}={0,2}$/);
/** scrypt (RFC 7914) with r = 8, p = 1 and N = 2^logN. Above 2^20 a file would ask for a gigabyte of memory. */
const derivationSchema = z.object({
  salt: z.string().regex(/^[A-Za-z0-9+/]{22}==$/),
  logN: z.number().int().min(10).max(20),
});
type Derivation = z.infer<typeof derivationSchema>;
/** 128 MiB and about a third of a second for each guess: what OWASP's Password Storage Cheat Sheet asks for. */
const usualLogN = 17;

const fileSchema = z.object({
  version: z.literal(1),
  /** How the key comes from a passphrase; absent where a keychain has it. */
  passphrase: derivationSchema.optional(),
  /** Opens by the right key alone. */
  proof: sealedSchema,
  kept: z.array(z.object({ testbed: z.string(), what: z.string(), sealed: sealedSchema })),
});
type VaultFile = z.infer<typeof fileSchema>;
type Kept = VaultFile['kept'][number];

/** What opens a vault; none: it is empty, and may be guarded by either. */
export type VaultGuard = 'none' | 'keychain' | 'passphrase';

/** Bytes of the key that opens the vault. */
export const vaultKeyBytes = 32;
const proofText = 'mlsysops';

/**
 * Passwords that a person wanted kept, encrypted at rest. The key is not here: whoever has the computer's keychain (the window) brings it, or, where
 * there is none, it comes from a passphrase that the person is asked for; until then nothing can be read or kept. Each secret is bound to what it is of: one can't be put in another's place.
 */
export class Vault {
  readonly #file: string;
  readonly #log: (text: string) => void;
  #key: Buffer | null = null;
  #kept: Kept[] = [];
  /** Of the key, where it comes from a passphrase. */
  #derivation: Derivation | null = null;
  readonly #logN: number;
  /** Writes go one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #unlocking: Promise<void> | null = null;

  constructor(file: string, log: (text: string) => void, logN = usualLogN) {
    this.#file = file;
    this.#log = log;
    this.#logN = logN;
  }

  get locked(): boolean {
    return this.#key === null;
  }

  async guard(): Promise<VaultGuard> {
    if (this.#key) return this.#derivation ? 'passphrase' : 'keychain';
    const file = await this.#parsed();
    return file === null ? 'none' : file.passphrase ? 'passphrase' : 'keychain';
  }

  /**
   * Opens what the passphrase guards, or, where nothing is kept, guards by it what will be.
   * @returns whether it was the right one @throws Error where a keychain guards what is kept
   */
  async unlockWith(passphrase: string): Promise<boolean> {
    if (this.#key) return true;
    const file = await this.#parsed();
    if (file && !file.passphrase) throw new Error('what is kept is guarded by the keychain of this computer');
    const derivation = file?.passphrase ?? { salt: randomBytes(16).toString('base64'), logN: this.#logN };
    const key = await derive(passphrase, derivation);
    if (file && !opens(key, file)) return false;
    const kept = (await this.#read(key)) ?? [];
    // Whoever has opened it meanwhile has the key that it is kept by.
    if (this.#key) return true;
    this.#kept = kept;
    this.#derivation = derivation;
    this.#key = key;
    return true;
  }

  /** Lets go of everything that is kept, and of a passphrase, which may have been forgotten. A keychain's key stays. */
  async reset(): Promise<void> {
    if (this.#derivation) this.#key = null;
    this.#derivation = null;
    this.#kept = [];
    const removed = this.#writing.then(() => rm(this.#file, { force: true }));
    this.#writing = removed.catch(() => {});
    await removed;
  }

  /**
   * By a keychain's key. A file that this key does not open (the keychain was reset) is put aside, not overwritten; one that a passphrase guards stays
   * locked until it is given. The first key stays for as long as the core lives.
   */
  unlock(key: Buffer): Promise<void> {
    if (key.length !== vaultKeyBytes) throw new RangeError(`a key of a vault has ${vaultKeyBytes} bytes`);
    this.#unlocking ??= this.#load(key).catch((error: unknown) => {
      this.#unlocking = null;
      throw error;
    });
    return this.#unlocking;
  }

  get(testbed: string, what: string): string | null {
    const found = this.#kept.find((one) => one.testbed === testbed && one.what === what);
    return found && this.#key ? open(this.#key, found.sealed, binding(testbed, what)) : null;
  }

  /** How many are kept for a testbed; null: for all. */
  count(testbed: string | null): number {
    return this.#kept.filter((one) => testbed === null || one.testbed === testbed).length;
  }

  /** All that is kept, to be taken out of what is shown. */
  values(): string[] {
    return this.#kept.map(({ testbed, what }) => this.get(testbed, what) ?? '');
  }

  async put(testbed: string, what: string, secret: string): Promise<void> {
    const key = this.#key;
    if (!key) throw new Error('nothing can be kept: neither keychain nor passphrase has opened the vault');
    await this.#change([...this.#without(testbed, what), { testbed, what, sealed: seal(key, secret, binding(testbed, what)) }]);
  }

  async remove(testbed: string, what: string): Promise<void> {
    const left = this.#without(testbed, what);
    if (left.length < this.#kept.length) await this.#change(left);
  }

  async forget(testbed: string): Promise<void> {
    const left = this.#kept.filter((one) => one.testbed !== testbed);
    if (left.length < this.#kept.length) await this.#change(left);
  }

  #without(testbed: string, what: string): Kept[] {
    return this.#kept.filter((one) => one.testbed !== testbed || one.what !== what);
  }

  async #load(key: Buffer): Promise<void> {
    if ((await this.#parsed())?.passphrase) {
      // It may be opened by its passphrase, or reset, and then by this key.
      this.#unlocking = null;
      return;
    }
    this.#kept = (await this.#read(key)) ?? [];
    this.#key ??= key;
  }

  /** null when there is none, or it cannot be understood. */
  async #parsed(): Promise<VaultFile | null> {
    try {
      return fileSchema.parse(JSON.parse(await readFile(this.#file, 'utf8')));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== undefined && code !== 'ENOENT') throw error;
      return null;
    }
  }

  async #read(key: Buffer): Promise<Kept[] | null> {
    let text: string;
    try {
      text = await readFile(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    try {
      const { proof, kept } = fileSchema.parse(JSON.parse(text));
      open(key, proof, proofText);
      for (const one of kept) open(key, one.sealed, binding(one.testbed, one.what));
      return kept;
    } catch (error) {
      const aside = `${this.#file}.unreadable`;
      await rename(this.#file, aside);
      this.#log(`kept passwords could not be opened and were put aside as ${aside}: ${(error as Error).message}`);
      return null;
    }
  }

  #change(kept: Kept[]): Promise<void> {
    this.#kept = kept;
    const written = this.#writing.then(() => this.#write());
    // The next write does not fail since this one did.
    this.#writing = written.catch(() => {});
    return written;
  }

  async #write(): Promise<void> {
    const key = this.#key;
    // It was reset meanwhile.
    if (!key) return;
    if (this.#kept.length === 0) return rm(this.#file, { force: true });
    const value: VaultFile = {
      version: 1,
      ...(this.#derivation ? { passphrase: this.#derivation } : {}),
      proof: seal(key, proofText, proofText),
      kept: this.#kept,
    };
    await writeFile(`${this.#file}.new`, JSON.stringify(value), { mode: 0o600, flush: true });
    await rename(`${this.#file}.new`, this.#file);
  }
}

const binding = (testbed: string, what: string): string => JSON.stringify([testbed, what]);

const derive = (passphrase: string, { salt, logN }: Derivation): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const N = 2 ** logN;
    // The same word typed on another computer may be composed differently. Twice of what it needs, 128 N r bytes, is allowed.
    scrypt(
      passphrase.normalize('NFC'),
      Buffer.from(salt, 'base64'),
      vaultKeyBytes,
      { N, r: 8, p: 1, maxmem: 2048 * N },
      (error, key) => (error ? reject(error) : resolve(key)),
    );
  });

function opens(key: Buffer, { proof }: VaultFile): boolean {
  try {
    return open(key, proof, proofText) === proofText;
  } catch {
    return false;
  }
}

function seal(key: Buffer, text: string, bound: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(bound));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

/** @throws when it was sealed by another key, bound to something else, or changed */
function open(key: Buffer, sealed: string, bound: string): string {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
    .setAAD(Buffer.from(bound))
    .setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
}
