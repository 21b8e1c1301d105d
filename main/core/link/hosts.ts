import { z } from 'zod';
import { BusError } from '../../../agents/bus/bus.ts';
import { originOf } from '../../../agents/bus/genuine.ts';
import { NatsBus } from '../../../agents/bus/nats.ts';
import { subjects } from '../../../agents/bus/subjects.ts';
import { decisionRecordSchema } from '../../../agents/decision/record.ts';
import { busPort } from '../../../provisioning/phases/bus/configuration.ts';
import { readDesktopCredentials } from '../../../provisioning/phases/bus/keys.ts';
import type { SshPool } from '../../../provisioning/ssh/pool.ts';
import type { Host } from '../../../provisioning/testbed/schema.ts';
import { pause } from '../mailbox.ts';
import { Incoming, LinkError, type RequestPayload, type TestbedLink } from './link.ts';

const connectMs = 10_000;
const requestMs = 15_000;
const firstRetryMs = 1000;
const lastRetryMs = 30_000;
/** Clocks of hosts and this computer may differ by so much; what is heard twice is told apart by id and revision. */
const overlapMs = 5 * 60_000;

export interface HostsLinkOptions {
  pool: SshPool;
  management: Host;
  /** Where provisioning keeps the desktop's credentials for the bus. */
  stateFolder: string;
  /** When the newest decision was taken that is known already; null without any. */
  knownUntil(): Promise<number | null>;
  log(text: string): void;
  /** Default: the bus's own. */
  hubPort?: number;
  /** Called once, when the link has been closed. */
  onClose?: () => void;
}

interface Connection {
  bus: NatsBus;
  /** Resolves when the SSH connection has gone. */
  lost: Promise<void>;
  close(): Promise<void>;
}

/**
 * Link to a testbed of hosts: SSH to the management host, and through it the hub of the bus. A lost connection is made again, at growing
 * intervals; what was decided meanwhile is fetched from the hub's stream.
 * @throws Failure when the host can't be reached; LinkError when there are no credentials or the bus does not answer
 */
export async function openHostsLink(options: HostsLinkOptions): Promise<TestbedLink> {
  const link = new HostsLink(options);
  await link.open();
  return link;
}

class HostsLink implements TestbedLink {
  readonly #options: HostsLinkOptions;
  readonly #incoming: Incoming;
  readonly #closed = new AbortController();
  #connection: Connection | null = null;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: HostsLinkOptions) {
    this.#options = options;
    this.#incoming = new Incoming(options.log);
  }

  onHeartbeat: TestbedLink['onHeartbeat'] = (listener) => this.#incoming.heartbeats.add(listener);
  onTelemetry: TestbedLink['onTelemetry'] = (listener) => this.#incoming.telemetry.add(listener);
  onDecision: TestbedLink['onDecision'] = (listener) => this.#incoming.decisions.add(listener);
  onApplication: TestbedLink['onApplication'] = (listener) => this.#incoming.applications.add(listener);

  async open(): Promise<void> {
    try {
      this.#connection = await this.#connect();
    } catch (error) {
      this.#options.onClose?.();
      throw error;
    }
    this.#ended = this.#stayConnected();
  }

  async request(subject: string, payload: RequestPayload): Promise<unknown> {
    const bus = this.#connection?.bus;
    if (!bus) throw new LinkError('the connection to the testbed is lost; it is being made again');
    try {
      return await bus.request(subject, z.json(), payload, z.unknown(), requestMs);
    } catch (error) {
      throw new LinkError(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  async catchUp(): Promise<void> {
    if (this.#connection) await this.#catchUp(this.#connection.bus);
  }

  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    await this.#ended;
    this.#options.onClose?.();
  }

  async #stayConnected(): Promise<void> {
    const { signal } = this.#closed;
    const closing = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      if (this.#connection) {
        await Promise.race([this.#connection.lost, closing]);
        await this.#connection.close();
        this.#connection = null;
        if (signal.aborted) return;
        this.#options.log(`${this.#options.management.name}: connection lost`);
      }
      await pause(retryMs, signal);
      if (signal.aborted) return;
      try {
        this.#connection = await this.#connect();
        retryMs = firstRetryMs;
        this.#options.log(`${this.#options.management.name}: connected again`);
        void this.#catchUp(this.#connection.bus);
      } catch (error) {
        retryMs = Math.min(retryMs * 2, lastRetryMs);
        this.#options.log(`${this.#options.management.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  async #connect(): Promise<Connection> {
    const { pool, management, log, hubPort = busPort } = this.#options;
    const { user, password, authority, certificate, key } = await this.#credentials();
    const ssh = await pool.connect(management);
    const lost = new Promise<void>((resolve) => {
      if (ssh.closed) resolve();
      else ssh.client.once('close', () => resolve());
    });
    const forwarding = await pool.forward(management, '127.0.0.1', hubPort);
    try {
      let bus: NatsBus | null = null;
      bus = await NatsBus.connect({
        servers: [`tls://127.0.0.1:${forwarding.port}`],
        name: 'desktop',
        user,
        password,
        tls: { ca: authority, cert: certificate, key },
        connectTimeoutMs: connectMs,
        onInvalid: (subject, error) => log(`a message on ${subject} does not fit: ${error.message}`),
        onState: (text) => {
          if (this.#closed.signal.aborted) return;
          log(text);
          // The bus comes back by itself while SSH stands (its server was started anew); it may have decided meanwhile.
          if (bus) void this.#catchUp(bus);
        },
      });
      this.#listen(bus);
      const opened = bus;
      return {
        bus,
        lost,
        close: async () => {
          forwarding.close();
          await opened.close();
        },
      };
    } catch (error) {
      forwarding.close();
      throw new LinkError(
        `the bus on ${management.name} does not answer: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    }
  }

  #listen(bus: NatsBus): void {
    for (const subject of Object.values(subjects.all))
      bus.subscribe(subject, z.unknown(), (payload, at) => this.#incoming.take(at, payload));
  }

  /** Fetches decisions that were taken while nobody listened. */
  async #catchUp(bus: NatsBus): Promise<void> {
    const { knownUntil, log } = this.#options;
    try {
      const since = Math.max(0, ((await knownUntil()) ?? 0) - overlapMs);
      for (const record of await bus.kept(subjects.all.decisions, decisionRecordSchema, since, originOf.decision))
        this.#incoming.decisions.tell(record);
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      log(error instanceof BusError ? error.message : `decisions could not be fetched: ${String(error)}`);
    }
  }

  async #credentials() {
    try {
      return await readDesktopCredentials(this.#options.stateFolder);
    } catch (error) {
      throw new LinkError('there are no credentials for the bus: run "testbed up"', { cause: error });
    }
  }
}
