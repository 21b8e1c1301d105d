import type { Host } from '../testbed/schema.ts';
import { openConnection, type SshConnection, type SshOptions } from './connection.ts';
import { type ExecuteOptions, type ExecuteResult, execute } from './execute.ts';
import { type Forwarding, forward } from './forward.ts';
import { setAsk } from './privilege.ts';
import { openShell, type RemoteShell, type ShellSize } from './shell.ts';
import { type Transfer, type TransferOptions, transfer } from './transfer.ts';

/** Connections by host: made when first needed, shared by everything that speaks to the host, made again when lost. */
export class SshPool {
  readonly options: SshOptions;
  readonly #connections = new Map<string, Promise<SshConnection>>();
  readonly #extra = new Set<SshConnection>();
  /** Of connections that are gone. */
  #sentBytes = 0;

  constructor(options: SshOptions) {
    this.options = options;
  }

  /** @throws Failure: unreachable, authentication, host-key-unknown, host-key-changed, cancelled */
  async connect(host: Host, signal?: AbortSignal): Promise<SshConnection> {
    const id = keyOf(host);
    const known = this.#connections.get(id);
    if (known !== undefined) {
      const connection = await known;
      if (!connection.closed) return connection;
      if (this.#connections.get(id) === known) {
        this.#connections.delete(id);
        this.#sentBytes += connection.wireBytes;
      }
      return this.connect(host, signal);
    }
    const opening = this.#open(host, signal);
    this.#connections.set(id, opening);
    opening.catch(() => {
      if (this.#connections.get(id) === opening) this.#connections.delete(id);
    });
    return opening;
  }

  /** Runs a script as root. @throws Failure; an exit code ≠ 0 is no failure here. */
  async execute(host: Host, script: string | ((mark: string) => string), options: ExecuteOptions = {}): Promise<ExecuteResult> {
    return execute(await this.connect(host, options.signal), script, options);
  }

  /** Puts a large file on the host. @returns bytes sent; 0 when it was there. */
  async transfer(host: Host, file: Transfer, options: TransferOptions = {}): Promise<number> {
    return transfer(await this.connect(host, options.signal), file, options);
  }

  async forward(host: Host, remoteAddress: string, remotePort: number): Promise<Forwarding> {
    return forward(await this.connect(host), remoteAddress, remotePort);
  }

  /** A terminal. When the shared connection has no session left (sshd's MaxSessions), it gets a connection of its own. */
  async shell(host: Host, size: ShellSize, term?: string): Promise<RemoteShell> {
    const shared = await this.connect(host);
    try {
      return await openShell(shared, size, term);
    } catch {
      const own = await this.#open(host);
      this.#extra.add(own);
      const shell = await openShell(own, size, term);
      shell.onExit(() => {
        this.#extra.delete(own);
        own.close();
      });
      return shell;
    }
  }

  /** Bytes sent over the wire by all connections. */
  async sentBytes(): Promise<number> {
    const open = await Promise.allSettled(this.#connections.values());
    return open.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value.wireBytes : 0), this.#sentBytes);
  }

  async close(): Promise<void> {
    const open = await Promise.allSettled(this.#connections.values());
    this.#connections.clear();
    for (const one of open) if (one.status === 'fulfilled') one.value.close();
    for (const one of this.#extra) one.close();
    this.#extra.clear();
  }

  async #open(host: Host, signal?: AbortSignal): Promise<SshConnection> {
    const connection = await openConnection(host, this.options, signal);
    setAsk(connection, this.options.ask);
    return connection;
  }
}

const keyOf = (host: Host): string => `${host.user}@${host.address}:${host.port} ${host.identityFile ?? ''}`;
