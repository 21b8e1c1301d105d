import {
  DeliverPolicy,
  type JetStreamClient,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { headers, type NatsConnection, nuid } from '@nats-io/transport-node';
import type { z } from 'zod';
import { BusError } from './bus.ts';
import { errorText } from './memory.ts';
import type { Outbox } from './outbox.ts';

/** The stream that keeps decisions, and what it takes. Names are fixed: provisioning and desktop know them too. */
export const keptSubjects = { stream: 'MLS_DECISIONS', subjects: 'mls.decision.>', prefix: 'mls.decision.' } as const;

const retryMs = 5000;
/** A week, as JetStream counts: nanoseconds. */
const maxAgeNs = 7 * 24 * 3600 * 1e9;
const maxBytes = 64 * 1024 * 1024;

/**
 * Publishes decisions so that none is lost while nobody listens. A record goes out at once (who listens on the same side hears it even
 * when the hub is away); until JetStream has acknowledged it, it is held and offered again. Message ids let the stream drop repeats;
 * listeners may hear a record twice and tell by its id and revision.
 */
export class DecisionKeeper {
  readonly #connection: NatsConnection;
  readonly #tell: (text: string) => void;
  readonly #outbox: Outbox;
  #client: JetStreamClient | null = null;
  #working = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(connection: NatsConnection, tell: (text: string) => void, outbox: Outbox) {
    this.#connection = connection;
    this.#tell = tell;
    this.#outbox = outbox;
    this.retry();
  }

  publish(subject: string, text: string): void {
    const id = nuid.next();
    // Before it is sent: who is killed meanwhile sends it when it starts again.
    this.#outbox.hold({ id, subject, text });
    if (this.#client) return void this.#offer(this.#client, id, subject, text);
    // The stream may take a plain publication too: the id lets it drop the repeat.
    const marked = headers();
    marked.set('Nats-Msg-Id', id);
    this.#connection.publish(subject, text, { headers: marked });
    this.#later();
  }

  /** Tries now to reach JetStream and to hand over what is held. */
  retry(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#work();
  }

  async read<S extends z.ZodType>(
    subject: string,
    schema: S,
    sinceMs: number,
    originOf?: (value: z.infer<S>) => string,
  ): Promise<z.infer<S>[]> {
    try {
      const client = jetstream(this.#connection, { timeout: 5000 });
      const consumer = await client.consumers.get(keptSubjects.stream, {
        filter_subjects: subject,
        deliver_policy: DeliverPolicy.StartTime,
        opt_start_time: new Date(sinceMs).toISOString(),
      });
      const found: z.infer<S>[] = [];
      let pending = (await consumer.info()).num_pending;
      while (pending > 0) {
        const batch = await consumer.fetch({ max_messages: Math.min(pending, 500), expires: 5000 });
        let received = 0;
        for await (const message of batch) {
          received++;
          const parsed = schema.safeParse(message.json());
          const isGenuine = parsed.success && (!originOf || originOf(parsed.data) === message.subject);
          if (isGenuine) found.push(parsed.data);
          pending = message.info.pending;
          if (pending === 0) break;
        }
        if (received === 0) break;
      }
      return found;
    } catch (error) {
      throw new BusError(`kept records could not be read: ${errorText(error)}`, { cause: error });
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#outbox.close();
  }

  async #offer(client: JetStreamClient, id: string, subject: string, text: string): Promise<void> {
    try {
      await client.publish(subject, text, { msgID: id });
      this.#outbox.release(id);
    } catch (error) {
      if (this.#closed) return;
      this.#client = null;
      this.#tell(`bus: a decision is not kept yet: ${errorText(error)}`);
      this.#later();
    }
  }

  #later(): void {
    if (this.#closed || this.#timer) return;
    this.#timer = setTimeout(() => this.retry(), retryMs);
    this.#timer.unref();
  }

  async #work(): Promise<void> {
    if (this.#working || this.#closed) return;
    this.#working = true;
    try {
      const client = await this.#ready();
      for (const { id, subject, text } of this.#outbox.waiting()) {
        await client.publish(subject, text, { msgID: id });
        this.#outbox.release(id);
      }
      this.#client = client;
    } catch {
      // No JetStream, or not reachable now: what is held goes out at a later try.
      this.#client = null;
      if (this.#outbox.size > 0) this.#later();
    } finally {
      this.#working = false;
    }
  }

  /** The stream, made when it is not there. @throws Error when there is no JetStream. */
  async #ready(): Promise<JetStreamClient> {
    const manager = await jetstreamManager(this.#connection, { timeout: 3000 });
    try {
      await manager.streams.info(keptSubjects.stream);
    } catch {
      await manager.streams.add({
        name: keptSubjects.stream,
        subjects: [keptSubjects.subjects],
        retention: RetentionPolicy.Limits,
        storage: StorageType.File,
        max_age: maxAgeNs,
        max_bytes: maxBytes,
      });
    }
    return jetstream(this.#connection, { timeout: 5000 });
  }
}
