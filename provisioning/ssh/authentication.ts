import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import ssh2, { type AnyAuthMethod } from 'ssh2';
import { Failure } from '../run/failure.ts';
import type { Host } from '../testbed/schema.ts';
import type { AskSecret } from './secrets.ts';

export interface AuthenticationOptions {
  ask?: AskSecret;
  /** Socket of ssh-agent; default SSH_AUTH_SOCK, null for none. */
  agent?: string | null;
  /** Where default keys are looked for when a host names none. */
  homeFolder?: string;
}

/** How to become that user on that host, one after the other until the host accepts. Asking happens only when it comes to it. */
export async function* authenticationMethods(host: Host, options: AuthenticationOptions): AsyncGenerator<AnyAuthMethod> {
  const username = host.user;
  const agent = options.agent === undefined ? process.env.SSH_AUTH_SOCK : options.agent;
  // A named key comes before an agent with many: a host closes the connection after a few refused ones.
  if (host.identityFile !== undefined) yield* withKeyFile(host, expandHome(host.identityFile, options), options, true);
  if (agent) yield { type: 'agent', username, agent };
  if (host.identityFile === undefined) {
    for (const name of ['id_ed25519', 'id_ecdsa', 'id_rsa']) {
      yield* withKeyFile(host, path.join(options.homeFolder ?? homedir(), '.ssh', name), options, false);
    }
  }
  const password = (await options.ask?.({ kind: 'password', host: host.name, user: username, attempt: 1 })) ?? null;
  if (password === null) return;
  yield { type: 'password', username, password };
  yield {
    type: 'keyboard-interactive',
    username,
    prompt: (_name, _instructions, _language, prompts, finish) =>
      finish(prompts.map((prompt) => (prompt.echo === true ? '' : password))),
  };
}

const expandHome = (file: string, options: AuthenticationOptions): string =>
  file.startsWith('~/') ? path.join(options.homeFolder ?? homedir(), file.slice(2)) : file;

async function* withKeyFile(
  host: Host,
  file: string,
  options: AuthenticationOptions,
  required: boolean,
): AsyncGenerator<AnyAuthMethod> {
  let text: Buffer;
  try {
    text = await readFile(file);
  } catch (error) {
    if (!required) return;
    throw new Failure({
      code: 'authentication',
      host: host.name,
      cause: `the key file ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      remedy: 'Correct identityFile in the testbed file, or the permissions of the key',
    });
  }
  const key = await openKey(host, file, text, options, required);
  if (key !== null) yield { type: 'publickey', username: host.user, key };
}

async function openKey(host: Host, file: string, text: Buffer, options: AuthenticationOptions, required: boolean) {
  let parsed = ssh2.utils.parseKey(text);
  for (let attempt = 1; parsed instanceof Error && /encrypted/i.test(parsed.message) && attempt <= 3; attempt++) {
    const passphrase = await options.ask?.({ kind: 'passphrase', host: host.name, user: host.user, file, attempt });
    if (passphrase === null || passphrase === undefined) break;
    parsed = ssh2.utils.parseKey(text, passphrase);
    // A wrong passphrase shows as damaged content.
    if (parsed instanceof Error && attempt < 3 && !/encrypted/i.test(parsed.message))
      parsed = Object.assign(new Error('encrypted'), { wrong: true });
  }
  if (!(parsed instanceof Error)) return parsed;
  if (!required) return null;
  const encrypted = /encrypt|bad passphrase|integrity|malformed/i.test(parsed.message);
  throw new Failure({
    code: 'authentication',
    host: host.name,
    cause: encrypted
      ? `the key ${file} is encrypted, and its passphrase was not given or is wrong`
      : `${file} is not a private key (${parsed.message})`,
    remedy: encrypted ? `Give the passphrase, or load the key into the agent: ssh-add ${file}` : 'Correct identityFile',
  });
}
