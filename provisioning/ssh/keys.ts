import { readFile } from 'node:fs/promises';
import ssh2, { type AnyAuthMethod, type ParsedKey } from 'ssh2';
import { Failure } from '../run/failure.ts';
import { OneKeyAgent } from './agent.ts';
import { type AskSecret, maximalAttempts, type SecretMemory } from './secrets.ts';
import type { SshTarget } from './target.ts';

/** A key file that was read: open, or behind a passphrase, with its public key where that can be told without it. */
export type ReadKey = { file: string; required: boolean } & (
  | { state: 'open'; key: ParsedKey; publicKey: ParsedKey }
  | { state: 'encrypted'; text: Buffer; publicKey: ParsedKey | null }
);

/** null when a key that nobody named is not there. @throws Failure (authentication) when a named one cannot be used */
export async function readKey(target: SshTarget, file: string, required: boolean): Promise<ReadKey | null> {
  let text: Buffer;
  try {
    text = await readFile(file);
  } catch (error) {
    if (!required) return null;
    throw new Failure({
      code: 'authentication',
      host: target.name,
      cause: `the key file ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      remedy: 'Correct identityFile in the testbed file, or the permissions of the key',
    });
  }
  const parsed = parse(text);
  if (!(parsed instanceof Error)) {
    if (parsed.isPrivateKey()) return { file, required, state: 'open', key: parsed, publicKey: parsed };
    if (!required) return null;
    throw unusable(target, `${file} is a public key`, `Name the private key as identityFile: ${file.replace(/\.pub$/, '')}`);
  }
  if (/encrypted/i.test(parsed.message))
    return { file, required, state: 'encrypted', text, publicKey: await publicKeyBeside(file, text) };
  if (!required) return null;
  throw unusable(target, `${file} is not a private key (${parsed.message})`, 'Correct identityFile in the testbed file');
}

const unusable = (target: SshTarget, cause: string, remedy: string): Failure =>
  new Failure({ code: 'authentication', host: target.name, cause, remedy });

/** ssh2 throws on some damaged keys where it should return an error. */
function parse(text: Buffer, passphrase?: string): ParsedKey | Error {
  try {
    const parsed = ssh2.utils.parseKey(text, passphrase);
    // A file in OpenSSH's format may hold several keys in theory; it never does.
    return Array.isArray(parsed) ? (parsed[0] ?? new Error('no key in it')) : parsed;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function publicKeyBeside(file: string, text: Buffer): Promise<ParsedKey | null> {
  const beside = await readFile(`${file}.pub`).then(parse, () => null);
  if (beside !== null && !(beside instanceof Error)) return beside;
  const blob = publicBlobOf(text.toString('latin1'));
  if (blob === null) return null;
  const type = blob.subarray(4, 4 + blob.readUInt32BE(0)).toString('latin1');
  const parsed = parse(Buffer.from(`${type} ${blob.toString('base64')}`));
  return parsed instanceof Error ? null : parsed;
}

/** The public key stands in the clear in OpenSSH's own format (PROTOCOL.key): magic, cipher, kdf, kdf options, number of keys, public key. */
function publicBlobOf(text: string): Buffer | null {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(text)?.[1];
  if (body === undefined) return null;
  const data = Buffer.from(body, 'base64');
  let at = 'openssh-key-v1\0'.length;
  const string = (): Buffer | null => {
    if (at + 4 > data.length) return null;
    const length = data.readUInt32BE(at);
    const value = data.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    return value.length === length ? value : null;
  };
  for (let skipped = 0; skipped < 3; skipped++) if (string() === null) return null;
  at += 4;
  const blob = string();
  return blob !== null && blob.length > 4 && blob.readUInt32BE(0) <= blob.length - 4 ? blob : null;
}

/**
 * How to log in with a key behind a passphrase. It is asked for once the host said that it would take the key, up to three times, and once for
 * all hosts; where the public key cannot be told, at once. null when it was not opened.
 */
export async function encryptedKeyMethod(
  target: SshTarget,
  read: Extract<ReadKey, { state: 'encrypted' }>,
  ask: AskSecret | undefined,
  memory: SecretMemory,
  onFailure: () => void,
): Promise<AnyAuthMethod | null> {
  const open = async (): Promise<ParsedKey | null> => {
    const opened = await openKey(target, read, ask, memory);
    if (opened === null) onFailure();
    return opened;
  };
  if (read.publicKey === null) {
    const opened = await open();
    return opened === null ? null : { type: 'publickey', username: target.user, key: opened };
  }
  const agent = new OneKeyAgent(read.publicKey, async (data, hash) => {
    const opened = await open();
    if (opened === null) throw new Error('the key was not opened');
    const signature: unknown = opened.sign(data, hash);
    if (Buffer.isBuffer(signature)) return signature;
    throw signature instanceof Error ? signature : new Error('the key cannot sign');
  });
  return { type: 'agent', username: target.user, agent };
}

async function openKey(
  target: SshTarget,
  { file, text }: { file: string; text: Buffer },
  ask: AskSecret | undefined,
  memory: SecretMemory,
): Promise<ParsedKey | null> {
  const key = `passphrase ${file}`;
  for (let tried = 0; tried <= maximalAttempts; tried++) {
    const passphrase = await memory.need(key, async (attempt) => {
      const prompt = `${attempt > 1 ? 'That was not it. ' : ''}Passphrase of the key ${file}:`;
      const { name: host, jumpHost, user } = target;
      return (await ask?.({ kind: 'passphrase', host, jumpHost, user, file, prompt, echo: false, attempt })) ?? null;
    });
    if (passphrase === null) break;
    const parsed = parse(text, passphrase);
    if (!(parsed instanceof Error)) {
      memory.settle(key);
      return parsed;
    }
    memory.refuse(key, passphrase);
  }
  memory.settle(key);
  return null;
}
