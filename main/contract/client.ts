import type { CallName, ContractClient, EventOf, InputOf, OutputOf, StreamName } from './contract.ts';
import { ContractError, contract } from './contract.ts';
import { type ClientFrame, serverFrameSchema } from './wire.ts';

/** One end of a MessagePort or WebSocket, carrying frames of `wire.ts`. */
export interface ClientChannel {
  send(frame: ClientFrame): void;
  onFrame(listener: (frame: unknown) => void): void;
  onClose(listener: () => void): void;
}

interface PendingCall {
  name: CallName;
  resolve(output: unknown): void;
  reject(error: Error): void;
}
interface OpenStream {
  name: StreamName;
  deliver(event: unknown): void;
  end(error: ContractError | null): void;
}

/** Makes the contract callable over a channel. Answers and events are checked; what does not fit ends its call or stream with code "invalid-answer". */
export function createContractClient(channel: ClientChannel): ContractClient {
  const calls = new Map<number, PendingCall>();
  const streams = new Map<number, OpenStream>();
  let nextId = 1;
  let closed: ContractError | null = null;

  channel.onClose(() => {
    closed = new ContractError('disconnected', 'The connection to the core was lost.', 'It is tried again by itself.');
    for (const call of calls.values()) call.reject(closed);
    for (const stream of streams.values()) stream.end(closed);
    calls.clear();
    streams.clear();
  });

  channel.onFrame((raw) => {
    const frame = serverFrameSchema.parse(raw);
    const call = calls.get(frame.id);
    const stream = streams.get(frame.id);
    switch (frame.type) {
      case 'answer': {
        if (!call) return;
        calls.delete(frame.id);
        const output = contract[call.name].output.safeParse(frame.output);
        if (output.success) call.resolve(output.data);
        else
          call.reject(
            new ContractError(
              'invalid-answer',
              `${call.name} answered what its contract does not allow: ${output.error.message}`,
            ),
          );
        return;
      }
      case 'error':
        calls.delete(frame.id);
        call?.reject(new ContractError(frame.error.code, frame.error.message, frame.error.remedy));
        return;
      case 'event':
        stream?.deliver(frame.event);
        return;
      case 'end':
        streams.delete(frame.id);
        stream?.end(frame.error ? new ContractError(frame.error.code, frame.error.message, frame.error.remedy) : null);
        return;
    }
  });

  return {
    call<K extends CallName>(name: K, input: InputOf<K>): Promise<OutputOf<K>> {
      if (closed) return Promise.reject(closed);
      const id = nextId++;
      return new Promise<OutputOf<K>>((resolve, reject) => {
        calls.set(id, { name, resolve: (output) => resolve(output as OutputOf<K>), reject });
        channel.send({ type: 'call', id, name, input });
      });
    },
    open<K extends StreamName>(
      name: K,
      input: InputOf<K>,
      onEvent: (event: EventOf<K>) => void | Promise<void>,
      onEnd: (error: ContractError | null) => void = () => {},
    ) {
      if (closed) {
        onEnd(closed);
        return { close() {} };
      }
      const id = nextId++;
      const { credit, weigh } = contract[name] as { credit: number; weigh(event: EventOf<K>): number };
      let consumed = 0;
      const grant = (weight: number) => {
        consumed += weight;
        // Half the window at a time: few frames, and the sender never runs dry.
        if (consumed < credit / 2 || !streams.has(id)) return;
        channel.send({ type: 'grant', id, credit: consumed });
        consumed = 0;
      };
      const fail = (error: ContractError) => {
        if (!streams.delete(id)) return;
        channel.send({ type: 'close', id });
        onEnd(error);
      };
      streams.set(id, {
        name,
        deliver(event) {
          const parsed = contract[name].event.safeParse(event);
          if (!parsed.success) {
            fail(new ContractError('invalid-answer', `${name} sent what its contract does not allow: ${parsed.error.message}`));
            return;
          }
          const data = parsed.data as EventOf<K>;
          const taken = onEvent(data);
          if (taken instanceof Promise) {
            taken.then(
              () => grant(weigh(data)),
              (error: unknown) => fail(new ContractError('receiver-failed', String(error))),
            );
          } else grant(weigh(data));
        },
        end: onEnd,
      });
      channel.send({ type: 'open', id, name, input, credit });
      return {
        close() {
          if (streams.delete(id) && !closed) channel.send({ type: 'close', id });
        },
      };
    },
  };
}
