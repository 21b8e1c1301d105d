import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import type { Log } from '../config.ts';
import { type Role, roleSchema } from './endpoint.ts';

/**
 * The file of tokens: who may come in, as whom. Tokens are random (24 bytes and more), so that one SHA-256 is as good as a slow hash: there is
 * no dictionary of them. `printf %s TOKEN | sha256sum` makes one.
 */
export const tokensFileSchema = z.strictObject({
  tokens: z
    .array(
      z.strictObject({
        /** For logs and limits: "ci", "anna". */
        name: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
        role: roleSchema,
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .max(1000),
});

export interface Caller {
  name: string;
  role: Role;
}
interface Known extends Caller {
  digest: Buffer;
}

/** A token that was taken away is refused at most this long after. */
const rereadMs = 1000;

export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Who may come in: the operator whose token stands in `tokenFile` (provisioning makes it), and whom `tokensFile` names. */
export class Tokens {
  readonly #files: { tokenFile: string; tokensFile?: string };
  readonly #now: () => number;
  readonly #log: Log;
  #known: Known[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #versions = '';

  private constructor(files: { tokenFile: string; tokensFile?: string }, now: () => number, log: Log) {
    this.#files = files;
    this.#now = now;
    this.#log = log;
  }

  /** @throws Error when a file cannot be read or does not fit */
  static async open(files: { tokenFile: string; tokensFile?: string }, now: () => number, log: Log): Promise<Tokens> {
    const tokens = new Tokens(files, now, log);
    await tokens.#read();
    return tokens;
  }

  /** Who has that token; undefined when nobody. All are compared, each in constant time. */
  async find(token: string): Promise<Caller | undefined> {
    await this.#follow();
    const digest = sha256(token);
    let found: Caller | undefined;
    for (const { digest: known, name, role } of this.#known) if (timingSafeEqual(digest, known)) found ??= { name, role };
    return found;
  }

  async #follow(): Promise<void> {
    const now = this.#now();
    if (now - this.#readAt < rereadMs) return;
    this.#readAt = now;
    try {
      if ((await this.#versionsNow()) !== this.#versions) await this.#read();
    } catch (error) {
      this.#log('error', 'the tokens of the northbound API cannot be read; those of before stay', { error: text(error) });
    }
  }

  async #read(): Promise<void> {
    const { tokenFile, tokensFile } = this.#files;
    const versions = await this.#versionsNow();
    const own = (await readFile(tokenFile, 'utf8')).trim();
    if (own === '') throw new Error(`${tokenFile} is empty`);
    const more = tokensFile === undefined ? [] : await readTokensFile(tokensFile);
    this.#known = [{ name: 'operator', role: 'operator', digest: sha256(own) }, ...more];
    this.#versions = versions;
    this.#readAt = this.#now();
  }

  async #versionsNow(): Promise<string> {
    const { tokenFile, tokensFile } = this.#files;
    const files = [tokenFile, ...(tokensFile === undefined ? [] : [tokensFile])];
    const versions = await Promise.all(files.map((file) => stat(file)));
    return versions.map(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`).join();
  }
}

async function readTokensFile(path: string): Promise<Known[]> {
  const parsed = tokensFileSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
  if (!parsed.success) throw new Error(`${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data.tokens.map(({ name, role, sha256: hex }) => ({ name, role, digest: Buffer.from(hex, 'hex') }));
}

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
