import { createHash, createHmac, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { matchesList } from './patterns.ts';

export type HostKeyState = 'known' | 'new' | 'changed' | 'revoked';

/** A key that a host showed, and what we think of it. */
export interface SeenHostKey {
  key: Buffer;
  state: HostKeyState;
  /** Why its certificate does not make it known; where known_hosts names an authority for this host. */
  certificate?: string;
}

/** One line of known_hosts that holds a key; everything else is kept as it is. */
interface Entry {
  marker: string | null;
  hosts: string;
  type: string;
  key: Buffer;
}

/** Type of a public key in SSH wire format (RFC 4253, 6.6), e.g. "ssh-ed25519". */
export const keyTypeOf = (key: Buffer): string =>
  key.length < 4 || key.readUInt32BE(0) > key.length - 4 ? '' : key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');

/** As `ssh-keygen -l` prints it: "SHA256:…" without padding. */
export const fingerprintOf = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

/** A host as known_hosts spells it: the name alone on port 22, "[name]:port" otherwise. */
const spell = (host: string, port: number): string => (port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`);

function parseLine(line: string): Entry | null {
  const words = line.trim().split(/[ \t]+/);
  if (words[0] === '' || words[0]?.startsWith('#')) return null;
  const marker = words[0]?.startsWith('@') ? (words.shift() ?? null) : null;
  const [hosts, type, key] = words;
  if (hosts === undefined || type === undefined || key === undefined) return null;
  const wire = Buffer.from(key, 'base64');
  return keyTypeOf(wire) === type ? { marker, hosts, type, key: wire } : null;
}

/** Whether the host field of an entry means this host: a hash (|1|salt|hmac), or names and patterns of which none is negated. */
function matches(hosts: string, spelt: string): boolean {
  if (!hosts.startsWith('|1|')) return matchesList(spelt, hosts);
  const [, , salt, hash] = hosts.split('|');
  if (!salt || !hash) return false;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(spelt).digest('base64') === hash;
}

/**
 * Host keys that are trusted: one file of our own (written atomically, mode 0600), and others that are only read, such as the user's
 * ~/.ssh/known_hosts. Where our own file knows a host, it decides; a key revoked anywhere is never accepted.
 */
export class KnownHosts {
  readonly file: string;
  readonly #alsoRead: readonly string[];
  #writing: Promise<void> = Promise.resolve();

  constructor(file: string, options: { alsoRead?: readonly string[] } = {}) {
    this.file = file;
    this.#alsoRead = options.alsoRead ?? [];
  }

  /** `key` is the public key in wire format. "changed" also when the host is known by keys of other types alone. */
  async check(host: string, port: number, key: Buffer): Promise<HostKeyState> {
    const spelt = spell(host, port);
    const files = await Promise.all([this.file, ...this.#alsoRead].map(readLines));
    const found = files.map((lines) => entriesOf(lines).filter((entry) => matches(entry.hosts, spelt)));
    if (found.flat().some((entry) => entry.marker === '@revoked' && entry.key.equals(key))) return 'revoked';
    const trusted = found.map((entries) => entries.filter((entry) => entry.marker === null));
    const decisive = (trusted[0]?.length ?? 0) > 0 ? (trusted[0] ?? []) : trusted.flat();
    if (decisive.length === 0) return 'new';
    return decisive.some((entry) => entry.key.equals(key)) ? 'known' : 'changed';
  }

  /**
   * Keys of certificate authorities that vouch for this host (@cert-authority), and those that were revoked for it: a certificate is worth
   * nothing when its authority or the key in it is among these.
   */
  async authoritiesOf(host: string, port: number): Promise<{ authorities: Buffer[]; revoked: Buffer[] }> {
    const spelt = spell(host, port);
    const files = await Promise.all([this.file, ...this.#alsoRead].map(readLines));
    const found = files.flatMap(entriesOf).filter((entry) => matches(entry.hosts, spelt));
    const keysWith = (marker: string) => found.filter((entry) => entry.marker === marker).map(({ key }) => key);
    return { authorities: keysWith('@cert-authority'), revoked: keysWith('@revoked') };
  }

  /** Keys that this host is known by, to prefer their algorithms and to show what was trusted before. */
  async keysOf(host: string, port: number): Promise<{ type: string; key: Buffer }[]> {
    const spelt = spell(host, port);
    const files = await Promise.all([this.file, ...this.#alsoRead].map(readLines));
    return files
      .flatMap(entriesOf)
      .filter((entry) => entry.marker === null && matches(entry.hosts, spelt))
      .map(({ type, key }) => ({ type, key }));
  }

  /** Trusts one more key of a host. Names are hashed, as OpenSSH does it on Debian. */
  add(host: string, port: number, key: Buffer): Promise<void> {
    return this.#write((lines) => [...lines, lineOf(host, port, key)]);
  }

  /** Trusts this key alone: after our own reset or a declared re-image. */
  replace(host: string, port: number, key: Buffer): Promise<void> {
    return this.#write((lines) => [...without(lines, host, port), lineOf(host, port, key)]);
  }

  /** Forgets a host, e.g. when its testbed is removed. */
  remove(host: string, port: number): Promise<void> {
    return this.#write((lines) => without(lines, host, port));
  }

  #write(change: (lines: string[]) => string[]): Promise<void> {
    const written = this.#writing.then(async () => {
      const lines = change(await readLines(this.file));
      await mkdir(path.dirname(this.file), { recursive: true, mode: 0o700 });
      const fresh = `${this.file}.${randomBytes(4).toString('hex')}`;
      const handle = await open(fresh, 'wx', 0o600);
      try {
        await handle.writeFile(lines.map((line) => `${line}\n`).join(''));
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(fresh, this.file);
    });
    // The next write goes on whether or not this one succeeded; whoever asked for this one hears of its failure.
    this.#writing = written.catch(() => {});
    return written;
  }
}

async function readLines(file: string): Promise<string[]> {
  try {
    const text = await readFile(file, 'utf8');
    return text.split(/\r?\n/).filter((line, index, all) => line !== '' || index < all.length - 1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

const entriesOf = (lines: string[]): Entry[] => lines.map(parseLine).filter((entry) => entry !== null);

function lineOf(host: string, port: number, key: Buffer): string {
  const salt = randomBytes(20);
  const hash = createHmac('sha1', salt).update(spell(host, port)).digest('base64');
  return `|1|${salt.toString('base64')}|${hash} ${keyTypeOf(key)} ${key.toString('base64')}`;
}

/** Lines without this host; a line that names others too keeps them. Revocations stay. */
function without(lines: string[], host: string, port: number): string[] {
  const spelt = spell(host, port);
  return lines.flatMap((line) => {
    const entry = parseLine(line);
    if (entry === null || entry.marker !== null || !matches(entry.hosts, spelt)) return [line];
    const others = entry.hosts.startsWith('|') ? [] : entry.hosts.split(',').filter((name) => name.toLowerCase() !== spelt);
    const kept = others.length > 0 && !others.some((name) => matches(name, spelt)) ? others : [];
    return kept.length > 0 ? [`${kept.join(',')} ${entry.type} ${entry.key.toString('base64')}`] : [];
  });
}
