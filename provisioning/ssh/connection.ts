import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import type { Host } from '../testbed/schema.ts';
import type { AuthenticationOptions } from './authentication.ts';
import { dial, type OpenHop } from './dial.ts';
import { hostKeyFailure, unreachable } from './failures.ts';
import { handshake } from './handshake.ts';
import { judgeOf } from './judge.ts';
import type { KnownHosts, SeenHostKey } from './known-hosts.ts';
import type { ScriptShell } from './script-shell.ts';
import { resolveTarget, type SshTarget, type TargetOptions } from './target.ts';

export interface SshOptions extends AuthenticationOptions, TargetOptions {
  knownHosts: KnownHosts;
  /** ms until TCP, then the handshake, then each answer to an authentication must have come. */
  timeoutMs?: number;
}

const defaultTimeoutMs = 15_000;

/** Shells that wait for their next script. */
class IdleShells {
  readonly #idle: ScriptShell[] = [];

  take(): ScriptShell | undefined {
    while (this.#idle.length > 0) {
      const shell = this.#idle.pop();
      if (shell?.ended === false) return shell;
    }
    return undefined;
  }

  /** Two are kept, for a step and whatever looks on beside it; each holds one of the sessions that sshd allows. */
  give(shell: ScriptShell): void {
    if (shell.ended) return;
    if (this.#idle.length < 2) this.#idle.push(shell);
    else void shell.end();
  }

  /** Frees the session of one; false when none waits. */
  async endOne(): Promise<boolean> {
    const shell = this.take();
    if (shell === undefined) return false;
    await shell.end();
    return true;
  }
}

/** One SSH connection to one host. It closes when `close` is called or the network says so; `closed` tells. */
export class SshConnection {
  readonly host: SshTarget;
  readonly client: Client;
  closed = false;
  /** How a script becomes root here; found out by the first one. */
  privilege: 'unknown' | 'root' | 'sudo' | 'sudo-password' = 'unknown';
  sentBytes = 0;
  readonly shells = new IdleShells();
  readonly #stream: Duplex;
  readonly #slots: (() => void)[] = [];
  #running = 0;

  /** `onClose` is called once, when the connection is gone. */
  constructor(host: SshTarget, client: Client, stream: Duplex, onClose: () => void) {
    this.host = host;
    this.client = client;
    this.#stream = stream;
    client.once('close', () => {
      this.closed = true;
      onClose();
    });
    // Errors after the handshake arrive at every open channel as its end; here they only mean that the connection is gone.
    client.on('error', () => {
      this.closed = true;
    });
  }

  /** Bytes sent over the wire so far, encryption included; those through a jump host are the jump host's. */
  get wireBytes(): number {
    return this.#stream instanceof Socket ? this.#stream.bytesWritten : 0;
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

  /** As `close`, without a goodbye: for a host that would not listen to one. */
  abandon(): void {
    this.closed = true;
    this.client.destroy();
    this.#stream.destroy();
  }

  close(): void {
    this.closed = true;
    this.client.end();
    // A host that does not answer any more would keep us waiting for its goodbye.
    setTimeout(() => this.#stream.destroy(), 500).unref();
  }
}

/** @throws Failure: unreachable, authentication, host-key-unknown, host-key-changed, cancelled */
export function openConnection(host: Host, options: SshOptions, signal?: AbortSignal): Promise<SshConnection> {
  return openTarget(resolveTarget(host, options), options, signal);
}

/** As `openConnection`, of what was resolved. Each jump host's key is checked by its own name. */
export async function openTarget(
  target: SshTarget,
  options: SshOptions,
  signal?: AbortSignal,
  openHop: OpenHop = ownHops(options),
): Promise<SshConnection> {
  const seen: { key: SeenHostKey | null } = { key: null };
  const { knownHosts, timeoutMs = defaultTimeoutMs } = options;
  const { known, knownTypes, judge } = await judgeOf(target, knownHosts, { timeoutMs, openHop, signal });
  const verify = async (key: Buffer): Promise<boolean> => {
    seen.key = await judge(key);
    return seen.key.state === 'known';
  };
  const { stream, release } = await dial(target, timeoutMs, openHop, signal);
  try {
    const client = await handshake(target, stream, { options, timeoutMs, knownTypes, verify, authenticate: true, signal });
    return new SshConnection(target, client, stream, release);
  } catch (error) {
    release();
    if (seen.key !== null && seen.key.state !== 'known') throw hostKeyFailure(target, seen.key, known, knownHosts.file);
    throw error;
  }
}

/** The key that a host shows now, without logging in there; its jump hosts are logged into. @throws Failure, as `openConnection` for them */
export async function readHostKey(target: SshTarget, options: SshOptions, signal?: AbortSignal): Promise<SeenHostKey> {
  const seen: { key: SeenHostKey | null } = { key: null };
  const { knownHosts, timeoutMs = defaultTimeoutMs } = options;
  const openHop = ownHops(options);
  const { knownTypes, judge } = await judgeOf(target, knownHosts, { timeoutMs, openHop, signal });
  const verify = async (key: Buffer): Promise<boolean> => {
    seen.key = await judge(key);
    return false;
  };
  const { stream, release } = await dial(target, timeoutMs, openHop, signal);
  try {
    (await handshake(target, stream, { options, timeoutMs, knownTypes, verify, authenticate: false, signal })).destroy();
  } catch (error) {
    if (seen.key === null) throw error;
  } finally {
    stream.destroy();
    release();
  }
  if (seen.key === null) throw unreachable(target, 'it showed no key');
  return seen.key;
}

/** Without a pool, the connection to a jump host is for one host alone. */
const ownHops =
  (options: SshOptions): OpenHop =>
  async (hop, signal) => {
    const connection = await openTarget(hop, options, signal);
    return { client: connection.client, release: () => connection.close() };
  };
