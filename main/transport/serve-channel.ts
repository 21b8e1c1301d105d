import { z } from 'zod';
import { type Contract, ContractError, contract, type Handlers } from '../contract/contract.ts';
import { clientFrameSchema, type ServerFrame } from '../contract/wire.ts';

/** The core's end of a channel. */
export interface ServerChannel {
  send(frame: ServerFrame): void;
  onFrame(listener: (frame: unknown) => void): void;
  onClose(listener: () => void): void;
}

/** Why a stream was ended whose channel has closed: nobody chose to end it. */
export const channelLost = new Error('the channel has closed');

const askingSchema = z.object({ type: z.enum(['call', 'open']), id: z.number().int() });

/** More streams than any window needs; past it, somebody leaks them. */
const maximumStreams = 500;

/** Serves the contract on one channel until it closes. Input is checked before a handler sees it, output before it is sent. */
export function serveChannel(handlers: Handlers, channel: ServerChannel, log: (text: string) => void): void {
  const streams = new Map<number, { grant(credit: number): void; abort: AbortController }>();

  channel.onClose(() => {
    for (const stream of streams.values()) stream.abort.abort(channelLost);
    streams.clear();
  });

  channel.onFrame((raw) => {
    const parsed = clientFrameSchema.safeParse(raw);
    if (!parsed.success) {
      log(`a frame that fits no schema was dropped: ${parsed.error.message}`);
      // Whoever asked must not wait for ever.
      const asked = askingSchema.safeParse(raw);
      const error = { code: 'invalid-frame', message: 'What was asked for fits no frame of the contract.' };
      if (asked.success) channel.send({ type: asked.data.type === 'call' ? 'error' : 'end', id: asked.data.id, error });
      return;
    }
    const frame = parsed.data;
    if (frame.type === 'call') void answer(frame.id, frame.name, frame.input);
    else if (frame.type === 'open') void stream(frame.id, frame.name, frame.input, frame.credit);
    else if (frame.type === 'grant') streams.get(frame.id)?.grant(frame.credit);
    else {
      streams.get(frame.id)?.abort.abort();
      streams.delete(frame.id);
    }
  });

  async function answer(id: number, name: string, input: unknown): Promise<void> {
    try {
      const entry = find(name, 'call');
      const value = parseInput(name, entry.input.safeParse(input));
      const handler = handlers[name as keyof Handlers] as (input: unknown) => Promise<unknown>;
      const output = entry.output.parse(await handler(value));
      channel.send({ type: 'answer', id, output });
    } catch (error) {
      channel.send({ type: 'error', id, error: describeError(error, log) });
    }
  }

  async function stream(id: number, name: string, input: unknown, initial: number): Promise<void> {
    if (streams.has(id)) {
      channel.send({
        type: 'end',
        id,
        error: { code: 'id-in-use', message: `There is a stream ${id} on this channel already.` },
      });
      return;
    }
    const abort = new AbortController();
    let credit = initial;
    let wake = () => {};
    abort.signal.addEventListener('abort', () => wake());
    try {
      const entry = find(name, 'stream');
      const weigh = entry.weigh as (event: unknown) => number;
      const value = parseInput(name, entry.input.safeParse(input));
      if (streams.size >= maximumStreams)
        throw new ContractError('too-many-streams', `More than ${maximumStreams} streams are open on one connection.`);
      streams.set(id, {
        abort,
        grant(more) {
          credit += more;
          wake();
        },
      });
      const emit = async (event: unknown) => {
        while (credit <= 0 && !abort.signal.aborted) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        if (abort.signal.aborted) return;
        const parsed = entry.event.parse(event);
        credit -= weigh(parsed);
        channel.send({ type: 'event', id, event: parsed });
      };
      const handler = handlers[name as keyof Handlers] as (
        input: unknown,
        emit: (event: unknown) => Promise<void>,
        signal: AbortSignal,
      ) => Promise<void>;
      await handler(value, emit, abort.signal);
      if (!abort.signal.aborted) channel.send({ type: 'end', id });
    } catch (error) {
      if (!abort.signal.aborted) channel.send({ type: 'end', id, error: describeError(error, log) });
    } finally {
      streams.delete(id);
    }
  }
}

function find<K extends 'call' | 'stream'>(name: string, kind: K): Extract<Contract[keyof Contract], { kind: K }> {
  const entry = Object.hasOwn(contract, name) ? contract[name as keyof Contract] : undefined;
  if (entry?.kind !== kind) throw new ContractError('unknown-name', `The contract has no ${kind} "${name}".`);
  return entry as Extract<Contract[keyof Contract], { kind: K }>;
}

function parseInput(
  name: string,
  result: { success: true; data: unknown } | { success: false; error: { issues: { path: PropertyKey[]; message: string }[] } },
): unknown {
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => `${issue.path.map(String).join('.') || 'input'}: ${issue.message}`);
  throw new ContractError('invalid-input', `${name}: ${issues.join('; ')}`);
}

function describeError(error: unknown, log: (text: string) => void): { code: string; message: string; remedy?: string } {
  if (error instanceof ContractError) return { code: error.code, message: error.message, remedy: error.remedy };
  if (
    error instanceof Error &&
    'value' in error &&
    typeof error.value === 'object' &&
    error.value !== null &&
    'code' in error.value
  ) {
    const value = error.value as { code: string; remedy?: string };
    return { code: value.code, message: error.message, remedy: value.remedy };
  }
  log(`unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return { code: 'unexpected', message: error instanceof Error ? error.message : String(error) };
}
