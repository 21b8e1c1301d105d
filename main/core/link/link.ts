import { z } from 'zod';
import type { Subscription } from '../../../agents/bus/bus.ts';
import { originOf } from '../../../agents/bus/genuine.ts';
import {
  type ApplicationStatus,
  applicationStatusSchema,
  type Heartbeat,
  heartbeatSchema,
  type Telemetry,
  telemetrySchema,
} from '../../../agents/bus/messages.ts';
import { type DecisionRecord, decisionRecordSchema } from '../../../agents/decision/record.ts';
import { Listeners } from '../listeners.ts';

export type RequestPayload = z.infer<ReturnType<typeof z.json>>;

/** What the core hears of a running testbed, and how it asks its agents; the same for all kinds. */
export interface TestbedLink {
  onHeartbeat(listener: (heartbeat: Heartbeat) => void): Subscription;
  onTelemetry(listener: (telemetry: Telemetry) => void): Subscription;
  onDecision(listener: (record: DecisionRecord) => void): Subscription;
  onApplication(listener: (status: ApplicationStatus) => void): Subscription;
  /** Asks on the testbed's bus, e.g. subjects.request("continuum", "deploy"); the answer as it came. @throws LinkError */
  request(subject: string, payload: RequestPayload): Promise<unknown>;
  /** Tells the decisions that were taken while nobody listened, as far as the testbed keeps them. Never fails: what could not be fetched is logged. */
  catchUp(): Promise<void>;
  close(): Promise<void>;
}

/** Subjects whose messages were dropped, told of at most. */
const mostTold = 100;

/** Asking failed: nobody answers, or there is no connection now. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
}

/** Sorts what comes over a bus by kind and tells it to who listens; both adapters are made of it. */
export class Incoming {
  readonly heartbeats = new Listeners<Heartbeat>();
  readonly telemetry = new Listeners<Telemetry>();
  readonly decisions = new Listeners<DecisionRecord>();
  readonly applications = new Listeners<ApplicationStatus>();
  readonly #log: (text: string) => void;
  readonly #kinds: Record<string, (payload: unknown, subject: string) => string | null>;
  readonly #told = new Set<string>();

  constructor(log: (text: string) => void) {
    this.#log = log;
    this.#kinds = {
      heartbeat: taker(heartbeatSchema, this.heartbeats, originOf.heartbeat),
      telemetry: taker(telemetrySchema, this.telemetry, originOf.telemetry),
      decision: taker(decisionRecordSchema, this.decisions, originOf.decision),
      application: taker(applicationStatusSchema, this.applications, originOf.application),
    };
  }

  /** Subjects are "mls.<kind>.…"; of other kinds (requests) nothing is wanted. */
  take(subject: string, payload: unknown): void {
    const problem = this.#kinds[subject.split('.')[1] ?? '']?.(payload, subject);
    // Once a subject: whoever says the same wrong thing each second fills no log.
    if (!problem || this.#told.has(subject) || this.#told.size >= mostTold) return;
    this.#told.add(subject);
    this.#log(`a message on ${subject} ${problem}`);
  }

  listeners(): Pick<TestbedLink, 'onHeartbeat' | 'onTelemetry' | 'onDecision' | 'onApplication'> {
    return {
      onHeartbeat: (listener) => this.heartbeats.add(listener),
      onTelemetry: (listener) => this.telemetry.add(listener),
      onDecision: (listener) => this.decisions.add(listener),
      onApplication: (listener) => this.applications.add(listener),
    };
  }
}

const taker =
  <S extends z.ZodType>(schema: S, listeners: Listeners<z.infer<S>>, origin: (value: z.infer<S>) => string) =>
  (payload: unknown, subject: string): string | null => {
    const parsed = schema.safeParse(payload);
    if (!parsed.success) return `does not fit: ${z.prettifyError(parsed.error)}`;
    // The bus lets each agent say what is its own on its own subjects; what the message claims to be of must be no more than that.
    const claims = origin(parsed.data);
    if (claims !== subject) return `is in the name of somebody else (${claims}) and was dropped`;
    listeners.tell(parsed.data);
    return null;
  };
