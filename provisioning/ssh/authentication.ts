import { homedir } from 'node:os';
import path from 'node:path';
import type { AnyAuthMethod, AuthenticationType } from 'ssh2';
import { agentKeys } from './agent.ts';
import { interactiveMethod } from './keyboard-interactive.ts';
import { encryptedKeyMethod, type ReadKey, readKey } from './keys.ts';
import { type AskSecret, maximalAttempts, SecretMemory } from './secrets.ts';
import type { SshTarget } from './target.ts';

export interface AuthenticationOptions {
  ask?: AskSecret;
  /** Socket of ssh-agent; default SSH_AUTH_SOCK, null for none. */
  agent?: string | null;
  /** Where default keys are looked for when a host names none. */
  homeFolder?: string;
  /** What was answered so far; a pool has one of its own. */
  memory?: SecretMemory;
}

/** What is known of a login while it goes on; the connection keeps `left` and `partial` current. */
export interface LoginState {
  /** Methods that the host would still take; null before it said so. */
  left: readonly string[] | null;
  /** The last attempt was right, and the host wants one more. */
  partial: boolean;
  /** What was tried, in words. */
  tried: string[];
  /** What was given and was wrong, or was asked for and not given: each a half-sentence, and what helps. */
  troubles: { what: string; remedy?: string }[];
  /** Ends the login: a person does not answer. */
  giveUp(): void;
}

export const passwordKey = ({ user, address, port }: SshTarget): string => `password ${JSON.stringify([user, address, port])}`;

/**
 * How to become that user on that host, one after the other until the host accepts: keys that open without asking, those of the agent, keys
 * behind a passphrase, then what the host asks for. Nobody is asked for what the host would not take.
 * @throws Failure (authentication) when a key that the testbed file names cannot be used
 */
export async function* authenticationMethods(
  target: SshTarget,
  options: AuthenticationOptions,
  state: LoginState,
): AsyncGenerator<AnyAuthMethod> {
  const memory = options.memory ?? new SecretMemory();
  const takes = (method: AuthenticationType): boolean => state.left === null || state.left.includes(method);
  const { ask } = options;
  const password = passwordKey(target);
  let keysTried = false;
  let interactive = ask !== undefined;
  let conversations = 0;
  let secrets = ask !== undefined || memory.get(password) !== null;
  // A host may want several in turn (AuthenticationMethods): what is left is looked at anew after each.
  for (let round = 0; round < 4 * maximalAttempts; round++) {
    if (!keysTried && takes('publickey')) {
      keysTried = true;
      yield* publicKeys(target, options, memory, state);
      // What a host would take is only told in answer to an attempt. This one is refused.
      if (state.left === null && (interactive || secrets)) yield { type: 'none', username: target.user };
    } else if (interactive && ask !== undefined && takes('keyboard-interactive')) {
      const { method, conversation } = interactiveMethod(target, {
        ask,
        memory,
        passwordKey: password,
        attempt: ++conversations,
        onError: () => {
          note(
            state,
            `it asks "${conversation.unanswered ?? ''}", and no answer was given`,
            'Give what it asks for, or use a key',
          );
          state.giveUp();
        },
      });
      yield method;
      if (state.partial) continue;
      // A host without anything to ask refuses at once: then the plain password is the way.
      if (!conversation.asked) interactive = false;
      else {
        if (conversation.password !== null) memory.refuse(password, conversation.password);
        note(state, 'what was answered was not accepted', 'Check user, and give what it asks for');
        if (conversations >= maximalAttempts) interactive = secrets = false;
      }
    } else if (secrets && takes('password')) {
      const secret = await memory.need(password, async (nth) => {
        const { name: host, jumpHost, user, address } = target;
        const prompt = `${nth > 1 ? 'That was not it. ' : ''}Password of ${user}@${address}:`;
        return (await ask?.({ kind: 'password', host, jumpHost, user, prompt, echo: false, attempt: nth })) ?? null;
      });
      if (secret === null) {
        secrets = false;
        continue;
      }
      yield { type: 'password', username: target.user, password: secret };
      if (state.partial) continue;
      memory.refuse(password, secret);
      note(state, 'the password was not accepted', `Give the password of ${target.user} on that host, or use a key`);
    } else break;
  }
  // Whoever tries again later is asked again.
  memory.settle(password);
}

const note = (state: LoginState, what: string, remedy?: string): void => {
  if (!state.troubles.some((one) => one.what === what)) state.troubles.push({ what, remedy });
};

async function* publicKeys(
  target: SshTarget,
  options: AuthenticationOptions,
  memory: SecretMemory,
  state: LoginState,
): AsyncGenerator<AnyAuthMethod> {
  const username = target.user;
  const files: ReadKey[] = [];
  const read = async (file: string, required: boolean) => {
    const key = await readKey(target, file, required);
    if (key !== null) files.push(key);
  };
  for (const { file, required } of target.identityFiles) await read(file, required);
  if (target.identityFiles.length === 0 && !target.identitiesOnly)
    for (const name of ['id_ed25519', 'id_ecdsa', 'id_rsa'])
      await read(path.join(options.homeFolder ?? homedir(), '.ssh', name), false);

  // Named keys come before an agent with many: a host closes the connection after a few refused ones.
  const named = target.identityFiles.length > 0;
  const open = files.filter((key) => key.state === 'open');
  const plain = function* (): Generator<AnyAuthMethod> {
    for (const { key } of open) yield { type: 'publickey', username, key };
  };
  const offered = new Set(open.map(({ publicKey }) => publicKey.getPublicSSH().toString('base64')));
  if (named) {
    yield* untilAccepted(plain(), state);
    if (state.partial) return;
  }

  const socket = target.identityAgent !== undefined ? target.identityAgent : (options.agent ?? process.env.SSH_AUTH_SOCK ?? null);
  if (socket && options.agent !== null) {
    const { keys, trouble } = await agentKeys(socket);
    if (trouble !== null) note(state, trouble, 'Start the agent (eval $(ssh-agent)), or name a key as identityFile');
    const fileKeys = files.flatMap(({ publicKey }) => (publicKey ? [publicKey.getPublicSSH().toString('base64')] : []));
    const isNamed = ({ blob }: { blob: Buffer }): boolean => fileKeys.includes(blob.toString('base64'));
    const chosen = [...keys.filter(isNamed), ...(target.identitiesOnly ? [] : keys.filter((key) => !isNamed(key)))];
    for (const { blob, agent } of chosen) {
      const id = blob.toString('base64');
      if (offered.has(id)) continue;
      offered.add(id);
      yield { type: 'agent', username, agent };
      if (state.partial) return;
    }
  }
  if (!named) yield* untilAccepted(plain(), state);
  if (state.partial) return;
  for (const key of files) {
    if (key.state !== 'encrypted') continue;
    if (key.publicKey !== null && offered.has(key.publicKey.getPublicSSH().toString('base64'))) continue;
    const method = await encryptedKeyMethod(target, key, options.ask, memory, () =>
      note(
        state,
        `the passphrase of the key ${key.file} was not given or is wrong`,
        `Give the passphrase, or load the key into the agent: ssh-add ${key.file}`,
      ),
    );
    if (method !== null) yield method;
    if (state.partial) return;
  }
}

/** A host that took one and wants something else as well has no use for the others. */
function* untilAccepted(methods: Generator<AnyAuthMethod>, state: LoginState): Generator<AnyAuthMethod> {
  for (const method of methods) {
    yield method;
    if (state.partial) return;
  }
}
