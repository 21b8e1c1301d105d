import { readFile } from 'node:fs/promises';
import { connect, headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import type { z } from 'zod';
import { type Bus, BusError, type Subscription } from './bus.ts';
import { errorText, type OnInvalid, readAnswer } from './memory.ts';
import { DecisionKeeper, keptSubjects } from './nats-keeper.ts';
import { memoryOutbox, type Outbox } from './outbox.ts';

export interface NatsBusOptions {
  servers: string[];
  user?: string;
  password?: string;
  /** Names of files, or the PEM texts themselves. */
  tls?: { caFile: string; certFile?: string; keyFile?: string } | { ca: string; cert?: string; key?: string };
  /** Shown by the server's monitoring. */
  name: string;
  /** After three of them in silence the connection is given up and made anew. Default 3 s: TCP alone would wait for minutes after a cut. */
  pingIntervalMs?: number;
  /** Give up when there is no server after so long; without it, connecting is tried for ever. */
  connectTimeoutMs?: number;
  onInvalid?: OnInvalid;
  /** Where decisions wait until the stream has them; in memory without it. */
  outbox?: Outbox;
  /** Told in words when the connection is lost, regained, or a record could not be kept yet. */
  onState?: (text: string) => void;
}

/** Header of an answer that is an error: what the answering side threw. */
const errorHeader = 'Mls-Error';

/** The real bus. Reconnects for ever; decisions are also kept in JetStream where the server has it (see `DecisionKeeper`). */
export class NatsBus implements Bus {
  readonly #connection: NatsConnection;
  readonly #options: NatsBusOptions;
  readonly #keeper: DecisionKeeper;

  /** @throws Error of the transport when `connectTimeoutMs` passed or the credentials are refused. */
  static async connect(options: NatsBusOptions): Promise<NatsBus> {
    const { tls } = options;
    const connection = await connect({
      servers: options.servers,
      name: options.name,
      user: options.user,
      pass: options.password,
      tls: tls && ('ca' in tls ? { ca: tls.ca, cert: tls.cert, key: tls.key } : await readTls(tls)),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 500,
      pingInterval: options.pingIntervalMs ?? 3000,
      maxPingOut: 2,
      waitOnFirstConnect: options.connectTimeoutMs === undefined,
      timeout: options.connectTimeoutMs ?? 5000,
      // An agent may be up before its credentials are known to a server that restarts: keep trying.
      ignoreAuthErrorAbort: true,
    });
    return new NatsBus(connection, options);
  }

  private constructor(connection: NatsConnection, options: NatsBusOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#keeper = new DecisionKeeper(connection, options.onState ?? (() => {}), options.outbox ?? memoryOutbox(options.onState));
    void this.#watchState();
  }

  async publish<S extends z.ZodType>(subject: string, schema: S, value: z.infer<S>): Promise<void> {
    const parsed = schema.parse(value);
    const text = JSON.stringify(parsed);
    if (this.#connection.isClosed()) throw new BusError('the bus is closed');
    if (subject.startsWith(keptSubjects.prefix)) this.#keeper.publish(subject, text);
    else this.#connection.publish(subject, text);
  }

  subscribe<S extends z.ZodType>(
    subject: string,
    schema: S,
    deliver: (value: z.infer<S>, subject: string) => void,
  ): Subscription {
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) return this.#invalid(subject, error);
        const parsed = readJson(message, schema);
        if (parsed.success) deliver(parsed.data, message.subject);
        else this.#invalid(message.subject, parsed.error);
      },
    });
    return { close: () => subscription.unsubscribe() };
  }

  async request<Q extends z.ZodType, A extends z.ZodType>(
    subject: string,
    question: Q,
    value: z.infer<Q>,
    answer: A,
    timeoutMs: number,
  ): Promise<z.infer<A>> {
    const text = JSON.stringify(question.parse(value));
    let message: Msg;
    try {
      message = await this.#connection.request(subject, text, { timeout: timeoutMs });
    } catch (error) {
      throw new BusError(`${subject} was not answered: ${errorText(error)}`, { cause: error });
    }
    const thrown = message.headers?.get(errorHeader);
    if (thrown) throw new BusError(`${subject}: ${decodeURIComponent(thrown)}`);
    return readAnswer(subject, answer, message.string());
  }

  answer<Q extends z.ZodType, A extends z.ZodType>(
    subject: string,
    question: Q,
    answer: A,
    reply: (value: z.infer<Q>) => Promise<z.infer<A>>,
  ): Subscription {
    const respond = async (message: Msg): Promise<void> => {
      try {
        const parsed = readJson(message, question);
        if (!parsed.success) throw parsed.error;
        message.respond(JSON.stringify(answer.parse(await reply(parsed.data))));
      } catch (error) {
        const marked = headers();
        // Header values are one line of ASCII.
        marked.set(errorHeader, encodeURIComponent(errorText(error)));
        message.respond('', { headers: marked });
      }
    };
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) this.#invalid(subject, error);
        else void respond(message);
      },
    });
    return { close: () => subscription.unsubscribe() };
  }

  /**
   * What JetStream has kept on `subject` since `sinceMs` (epoch), oldest first: what a desktop missed while it was away. Where `originOf` tells the one subject
   * that a value may come on, those that came on another are left out.
   * @throws BusError when the server keeps nothing (no JetStream, or it is out of reach).
   */
  kept<S extends z.ZodType>(
    subject: string,
    schema: S,
    sinceMs: number,
    originOf?: (value: z.infer<S>) => string,
  ): Promise<z.infer<S>[]> {
    return this.#keeper.read(subject, schema, sinceMs, originOf);
  }

  /** Waits until what was published has reached the server. @throws Error when the connection is closed. */
  flush(): Promise<void> {
    return this.#connection.flush();
  }

  async close(): Promise<void> {
    if (this.#connection.isClosed()) return this.#keeper.close();
    // Draining an unreachable server would wait for it.
    const drained = this.#connection.drain().catch(() => {});
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 2000).unref())]);
    this.#keeper.close();
    await this.#connection.close();
  }

  #invalid(subject: string, error: Error): void {
    this.#options.onInvalid?.(subject, error);
  }

  async #watchState(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'disconnect') this.#options.onState?.('bus: connection lost');
      if (status.type === 'reconnect') {
        this.#options.onState?.('bus: connected again');
        this.#keeper.retry();
      }
    }
  }
}

async function readTls(files: { caFile: string; certFile?: string; keyFile?: string }) {
  const { caFile, certFile, keyFile } = files;
  return {
    ca: await readFile(caFile, 'utf8'),
    cert: certFile && (await readFile(certFile, 'utf8')),
    key: keyFile && (await readFile(keyFile, 'utf8')),
  };
}

function readJson<S extends z.ZodType>(
  message: Msg,
  schema: S,
): { success: true; data: z.infer<S> } | { success: false; error: Error } {
  try {
    const parsed = schema.safeParse(message.json());
    return parsed.success ? { success: true, data: parsed.data } : { success: false, error: parsed.error };
  } catch (error) {
    return { success: false, error: error instanceof Error ? error : new Error(String(error)) };
  }
}
