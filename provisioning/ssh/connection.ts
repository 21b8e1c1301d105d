import { connect as connectTcp, type Socket } from 'node:net';
import ssh2, { type AuthenticationType, type AuthHandlerMiddleware, type Client, type NextAuthHandler } from 'ssh2';
import { Failure } from '../run/failure.ts';
import type { Host } from '../testbed/schema.ts';
import { algorithmsFor } from './algorithms.ts';
import { type AuthenticationOptions, authenticationMethods } from './authentication.ts';
import { fingerprintOf, type HostKeyState, type KnownHosts, keyTypeOf } from './known-hosts.ts';

export interface SshOptions extends AuthenticationOptions {
  knownHosts: KnownHosts;
  /** ms until TCP, then the handshake, then each answer to an authentication must have come. */
  timeoutMs?: number;
}

/** A key that a host showed, and what we think of it. */
export interface SeenHostKey {
  key: Buffer;
  state: HostKeyState;
}

/** One SSH connection to one host. It closes when `close` is called or the network says so; `closed` tells. */
export class SshConnection {
  readonly host: Host;
  readonly client: Client;
  closed = false;
  /** How a script becomes root here; found out by the first one. */
  privilege: 'unknown' | 'root' | 'sudo' | 'sudo-password' = 'unknown';
  /** Kept in memory only. */
  sudoPassword: string | null = null;
  sentBytes = 0;
  readonly #socket: Socket;
  readonly #slots: (() => void)[] = [];
  #running = 0;

  constructor(host: Host, client: Client, socket: Socket) {
    this.host = host;
    this.client = client;
    this.#socket = socket;
    client.on('close', () => {
      this.closed = true;
    });
    // Errors after the handshake arrive at every open channel as its end; here they only mean that the connection is gone.
    client.on('error', () => {
      this.closed = true;
    });
  }

  /** Bytes sent over the wire so far, encryption included. */
  get wireBytes(): number {
    return this.#socket.bytesWritten;
  }

  /** OpenSSH allows 10 sessions a connection (MaxSessions); scripts use at most 6, so that terminals find room. */
  async inSlot<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= 6) await new Promise<void>((resolve) => this.#slots.push(resolve));
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#slots.shift()?.();
    }
  }

  close(): void {
    this.closed = true;
    this.client.end();
    // A host that does not answer any more would keep us waiting for its goodbye.
    setTimeout(() => this.#socket.destroy(), 500).unref();
  }
}

/** @throws Failure: unreachable, authentication, host-key-unknown, host-key-changed, cancelled */
export async function openConnection(host: Host, options: SshOptions, signal?: AbortSignal): Promise<SshConnection> {
  const seen: { key: SeenHostKey | null } = { key: null };
  const known = await options.knownHosts.keysOf(host.address, host.port);
  const verify = async (key: Buffer): Promise<boolean> => {
    const state = await options.knownHosts.check(host.address, host.port, key);
    seen.key = { key, state };
    return state === 'known';
  };
  const knownTypes = known.map(({ type }) => type);
  return handshake(host, { options, knownTypes, verify, authenticate: true, signal }).catch((error: unknown) => {
    if (seen.key !== null && seen.key.state !== 'known') throw hostKeyFailure(host, seen.key, known, options.knownHosts.file);
    throw error;
  });
}

/** The key that a host shows now, without logging in. @throws Failure (unreachable) */
export async function readHostKey(host: Host, options: SshOptions, signal?: AbortSignal): Promise<SeenHostKey> {
  let shown: Buffer | null = null;
  const known = await options.knownHosts.keysOf(host.address, host.port);
  const verify = (key: Buffer): Promise<boolean> => {
    shown = key;
    return Promise.resolve(false);
  };
  const knownTypes = known.map(({ type }) => type);
  try {
    (await handshake(host, { options, knownTypes, verify, authenticate: false, signal })).close();
  } catch (error) {
    if (shown === null) throw error;
  }
  if (shown === null) throw new Failure({ code: 'unreachable', host: host.name, cause: 'the host showed no key' });
  return { key: shown, state: await options.knownHosts.check(host.address, host.port, shown) };
}

interface Handshake {
  options: SshOptions;
  knownTypes: string[];
  verify(key: Buffer): Promise<boolean>;
  authenticate: boolean;
  signal?: AbortSignal;
}

function handshake(host: Host, { options, knownTypes, verify, authenticate, signal }: Handshake): Promise<SshConnection> {
  const timeoutMs = options.timeoutMs ?? 15_000;
  return new Promise((resolve, reject) => {
    // Without noDelay each command waits for the delayed acknowledgement of the one before: 45 ms instead of 2 ms.
    const socket = connectTcp({ host: host.address, port: host.port, noDelay: true });
    const client = new ssh2.Client();
    const tried: string[] = [];
    let timer: NodeJS.Timeout | undefined;
    const expect = (what: string) => {
      clearTimeout(timer);
      timer = setTimeout(() => fail(unreachable(host, `no ${what} within ${timeoutMs / 1000} s`)), timeoutMs);
    };
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (failure: unknown) => {
      settle();
      reject(failure);
      client.destroy();
      socket.destroy();
    };
    const onAbort = () => fail(new Failure({ code: 'cancelled', host: host.name, cause: 'connecting was cancelled' }));
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort);

    const methods = authenticationMethods(host, options);
    const next: AuthHandlerMiddleware = (_left, _partial, tryNext) => {
      // Asking a person takes as long as it takes.
      clearTimeout(timer);
      const answer = async () => {
        const method = authenticate ? await methods.next() : { done: true as const, value: undefined };
        if (method.done === true) return giveUp(tryNext);
        tried.push(method.value.type);
        expect('answer to the authentication');
        tryNext(method.value);
      };
      answer().catch(fail);
    };
    client.once('ready', () => {
      settle();
      resolve(new SshConnection(host, client, socket));
    });
    client.on('error', (error: Error & { level?: string; code?: string }) =>
      fail(error.level === 'client-authentication' ? refused(host, tried) : brokenHandshake(host, error)),
    );
    client.once('close', () => fail(unreachable(host, 'the host closed the connection during the handshake')));
    socket.once('error', (error: NodeJS.ErrnoException) => fail(unreachable(host, tcpCause(error), error)));
    socket.once('connect', () => {
      expect('SSH handshake');
      client.connect({
        sock: socket,
        username: host.user,
        authHandler: next,
        algorithms: algorithmsFor(knownTypes),
        // The host's own timers are ours above: they stop while a person is asked.
        readyTimeout: 0,
        keepaliveInterval: 10_000,
        keepaliveCountMax: 3,
        hostVerifier: (key: Buffer, accept: (valid: boolean) => void) => {
          verify(key).then(accept, fail);
        },
      });
    });
    expect('TCP connection');
  });
}

/** `false` ends the attempts; the type of ssh2 does not know it, its documentation does. */
const noMethod: unknown = false;
const giveUp = (tryNext: NextAuthHandler): void => tryNext(noMethod as AuthenticationType);

const tcpCauses: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused: nothing listens on this port',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ETIMEDOUT: 'it does not answer',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up now',
  ECONNRESET: 'it reset the connection',
};
const tcpCause = (error: NodeJS.ErrnoException): string => tcpCauses[error.code ?? ''] ?? error.message;

function unreachable(host: Host, why: string, error?: Error): Failure {
  return new Failure(
    {
      code: 'unreachable',
      host: host.name,
      cause: `cannot reach ${host.address} port ${host.port}: ${why}`,
      remedy: `Check that the host is on, that its address is right, and that sshd listens there: ssh -p ${host.port} ${host.user}@${host.address}`,
    },
    { cause: error },
  );
}

function brokenHandshake(host: Host, error: Error & { code?: string }): Failure {
  return unreachable(host, error.code === undefined ? error.message : tcpCause(error), error);
}

function refused(host: Host, tried: string[]): Failure {
  const how = tried.length === 0 ? 'there is no key, agent or password to try' : `it accepted none of: ${tried.join(', ')}`;
  const key = host.identityFile ?? '~/.ssh/id_ed25519';
  return new Failure({
    code: 'authentication',
    host: host.name,
    cause: `${host.user}@${host.address} did not let us in: ${how}${host.identityFile ? ` (key ${host.identityFile})` : ''}`,
    remedy: `Check user and identityFile, or put the key there: ssh-copy-id -i ${key} -p ${host.port} ${host.user}@${host.address}`,
  });
}

function hostKeyFailure(host: Host, seen: SeenHostKey, known: { type: string; key: Buffer }[], file: string): Failure {
  const algorithm = keyTypeOf(seen.key);
  const fingerprint = fingerprintOf(seen.key);
  const hostKey = { algorithm, fingerprint, was: known[0] ? fingerprintOf(known[0].key) : undefined };
  if (seen.state === 'new') {
    return new Failure({
      code: 'host-key-unknown',
      host: host.name,
      cause: `first contact with ${host.address}: its key ${algorithm} ${fingerprint} is not known yet`,
      remedy: `Compare it with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_${algorithm.replace('ssh-', '').replace(/-.*/, '')}_key.pub on its console), then trust it`,
      hostKey,
    });
  }
  const revoked = seen.state === 'revoked';
  return new Failure({
    code: 'host-key-changed',
    host: host.name,
    cause: revoked
      ? `the key that ${host.address} shows, ${algorithm} ${fingerprint}, has been revoked`
      : `the key of ${host.address} has changed: it was ${hostKey.was}, now it is ${algorithm} ${fingerprint}. Somebody may be in between`,
    remedy: revoked
      ? 'Give the host a new key (ssh-keygen -A), then trust that one'
      : `If the host was installed anew, trust its new key; its old one is in ${file}. If not, do not go on`,
    hostKey,
  });
}
