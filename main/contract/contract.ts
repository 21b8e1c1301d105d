import type { z } from 'zod';
import { agentsContract } from './agents.ts';
import { applicationsContract } from './applications.ts';
import { decisionsContract } from './decisions.ts';
import { dryRunsContract } from './dry-runs.ts';
import { forwardsContract } from './forwards.ts';
import { modelsContract } from './models.ts';
import { northboundContract } from './northbound.ts';
import { policiesContract } from './policies.ts';
import { recordingsContract } from './recordings.ts';
import { runsContract } from './runs.ts';
import { secretsContract } from './secrets.ts';
import { settingsContract } from './settings.ts';
import { systemContract } from './system.ts';
import { telemetryContract } from './telemetry.ts';
import { terminalsContract } from './terminals.ts';
import { testbedsContract } from './testbeds.ts';
import { topologyContract } from './topology.ts';
import { twinsContract } from './twins.ts';

/** A call has one answer. A stream has many events until either side ends it. */
export interface CallContract<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  kind: 'call';
  input: I;
  output: O;
}
export interface StreamContract<I extends z.ZodType = z.ZodType, E extends z.ZodType = z.ZodType> {
  kind: 'stream';
  input: I;
  event: E;
}

/** Everything the window, the browser and the CLI may ask and hear. Each module declares its own part. */
export const contract = {
  ...systemContract,
  ...testbedsContract,
  ...runsContract,
  ...recordingsContract,
  ...secretsContract,
  ...settingsContract,
  ...agentsContract,
  ...topologyContract,
  ...telemetryContract,
  ...decisionsContract,
  ...applicationsContract,
  ...policiesContract,
  ...dryRunsContract,
  ...modelsContract,
  ...northboundContract,
  ...terminalsContract,
  ...forwardsContract,
  ...twinsContract,
};
export type Contract = typeof contract;

export type CallName = { [K in keyof Contract]: Contract[K] extends { kind: 'call' } ? K : never }[keyof Contract];
export type StreamName = { [K in keyof Contract]: Contract[K] extends { kind: 'stream' } ? K : never }[keyof Contract];
export type InputOf<K extends keyof Contract> = z.input<Contract[K]['input']>;
export type ParsedInputOf<K extends keyof Contract> = z.output<Contract[K]['input']>;
export type OutputOf<K extends CallName> = Contract[K] extends { output: infer O extends z.ZodType } ? z.output<O> : never;
export type EventOf<K extends StreamName> = Contract[K] extends { event: infer E extends z.ZodType } ? z.output<E> : never;

/** The services behind the contract, mechanically from it: what the core implements. */
export type Handlers = {
  [K in CallName]: (input: ParsedInputOf<K>) => Promise<OutputOf<K>>;
} & {
  /** A stream's handler emits until `signal` aborts; `emit` resolves when the receiver may take more (flow control). */
  [K in StreamName]: (input: ParsedInputOf<K>, emit: (event: EventOf<K>) => Promise<void>, signal: AbortSignal) => Promise<void>;
};

/** What the renderer and the CLI hold. */
export interface ContractClient {
  call<K extends CallName>(name: K, input: InputOf<K>): Promise<OutputOf<K>>;
  /** Returns at once; `close()` ends the stream. `onEnd` is called once, with the error if there was one. */
  open<K extends StreamName>(
    name: K,
    input: InputOf<K>,
    onEvent: (event: EventOf<K>) => void | Promise<void>,
    onEnd?: (error: ContractError | null) => void,
  ): { close(): void };
}

export class ContractError extends Error {
  override readonly name = 'ContractError';
  readonly code: string;
  readonly remedy: string | undefined;
  constructor(code: string, message: string, remedy?: string) {
    super(message);
    this.code = code;
    this.remedy = remedy;
  }
}
