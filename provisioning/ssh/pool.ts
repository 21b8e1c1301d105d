import { Failure } from '../run/failure.ts';
import type { Host } from '../testbed/schema.ts';
import { openTarget, type SshConnection, type SshOptions } from './connection.ts';
import type { OpenHop } from './dial.ts';
import { type ExecuteOptions, type ExecuteResult, execute } from './execute.ts';
import { type Forwarding, forward } from './forward.ts';
import { Limit } from './limit.ts';
import { setSecrets } from './privilege.ts';
import { SecretMemory } from './secrets.ts';
import { openShell, type RemoteShell, type ShellSize } from './shell.ts';
import { resolveTarget, type SshTarget, targetKey } from './target.ts';
import { type Transfer, type TransferOptions, transfer } from './transfer.ts';

/** Connections by host: made when first needed, shared by everything that speaks to the host, made again when lost. */
export class SshPool {
  readonly options: SshOptions;
  readonly #connections = new Map<string, Promise<SshConnection>>();
  readonly #extra = new Set<SshConnection>();
  /** What was answered stays in memory as long as the pool: nobody is asked twice for what was right. */
  readonly #memory: SecretMemory;
  /** By target, path and digest. */
  readonly #transfers = new Map<string, Promise<number>>();
  /** By target: two at once to one host would share the same link. */
  readonly #lanes = new Map<string, Limit>();
  /** A laptop's link is filled by a few; with more of them, each is late. */
  readonly #allTransfers = new Limit(8);
  /** Addresses of hosts that were found elsewhere than where they are named, by name. */
  readonly #elsewhere = new Map<string, string>();
  /** Of connections that are gone. */
  #sentBytes = 0;

  constructor(options: SshOptions) {
    this.options = options;
    this.#memory = options.memory ?? new SecretMemory();
  }

  /** @throws Failure: unreachable, authentication, host-key-unknown, host-key-changed, cancelled */
  async connect(host: Host, signal?: AbortSignal): Promise<SshConnection> {
    return this.#connect(this.#targetOf(host), signal);
  }

  #targetOf(host: Host): SshTarget {
    const target = resolveTarget(host, this.options);
    return { ...target, address: this.#elsewhere.get(host.name) ?? target.address };
  }

  /**
   * Whether a host is at another address: it shows there the key that it is known by under its own, and lets us in. From then on it is spoken to there.
   * @throws Failure (cancelled)
   */
  async findAt(host: Host, address: string, signal?: AbortSignal): Promise<boolean> {
    try {
      await this.#connect({ ...resolveTarget(host, this.options), address }, signal);
    } catch (error) {
      // Nobody is there, or somebody else.
      if (error instanceof Failure && error.value.code !== 'cancelled') return false;
      throw error;
    }
    this.#elsewhere.set(host.name, address);
    return true;
  }

  async #connect(target: SshTarget, signal?: AbortSignal): Promise<SshConnection> {
    const id = targetKey(target);
    const known = this.#connections.get(id);
    if (known !== undefined) {
      const connection = await known;
      if (!connection.closed) return connection;
      if (this.#connections.get(id) === known) {
        this.#connections.delete(id);
        this.#sentBytes += connection.wireBytes;
      }
      return this.#connect(target, signal);
    }
    const opening = this.#open(target, signal);
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

  /**
   * Puts a large file on the host, gone on with after a cut. A file that is being sent there is not sent twice at the same time: whoever asks
   * for it too waits for the first. A host gets one large file after the other, and few hosts at once.
   * @returns bytes sent; 0 when it was there, or somebody else sent it.
   */
  async transfer(host: Host, file: Transfer, options: TransferOptions = {}): Promise<number> {
    const id = JSON.stringify([targetKey(this.#targetOf(host)), file.path, file.sha256]);
    const underWay = this.#transfers.get(id);
    if (underWay !== undefined) {
      const failure = await underWay.then(
        () => null,
        (error: unknown) => error,
      );
      if (failure === null) return 0;
      // It may have failed for a reason of the other one's: it was cancelled.
      return this.transfer(host, file, options);
    }
    const lane = this.#laneOf(targetKey(this.#targetOf(host)));
    const sending = lane.run(() =>
      this.#allTransfers.run(() => transfer(() => this.connect(host, options.signal), file, options)),
    );
    this.#transfers.set(id, sending);
    const forget = () => this.#transfers.delete(id);
    sending.then(forget, forget);
    return sending;
  }

  #laneOf(target: string): Limit {
    const lane = this.#lanes.get(target) ?? new Limit(1);
    this.#lanes.set(target, lane);
    return lane;
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
      const own = await this.#open(this.#targetOf(host));
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

  async #open(target: SshTarget, signal?: AbortSignal): Promise<SshConnection> {
    const options = { ...this.options, memory: this.#memory };
    const connection = await openTarget(target, options, signal, this.#openHop);
    setSecrets(connection, { ask: options.ask, memory: this.#memory });
    return connection;
  }

  /** A jump host's connection serves all hosts behind it, and stays as long as the pool. No host's cancel takes it from the others. */
  readonly #openHop: OpenHop = async (hop) => {
    try {
      return { client: (await this.#connect(hop)).client, release: () => {} };
    } catch (error) {
      // It was opened for another host first, and failed for each that is behind it.
      if (error instanceof Failure && error.value.host !== hop.name) throw forHost(error, hop.name);
      throw error;
    }
  };
}

function forHost(failure: Failure, host: string): Failure {
  const { message: _message, ...value } = failure.value;
  return new Failure({ ...value, host }, { cause: failure });
}
