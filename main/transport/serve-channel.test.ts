import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createContractClient } from '../contract/client.ts';
import { ContractError, contract, type Handlers } from '../contract/contract.ts';
import { serveChannel } from './serve-channel.ts';

/** Two ends of a channel that pass frames as JSON, as a socket would. */
function pair() {
  const toServer = new EventEmitter();
  const toClient = new EventEmitter();
  const closed = new EventEmitter();
  const end = (out: EventEmitter, into: EventEmitter) => ({
    send: (frame: unknown) => queueMicrotask(() => out.emit('frame', JSON.parse(JSON.stringify(frame)))),
    onFrame: (listener: (frame: unknown) => void) => void into.on('frame', listener),
    onClose: (listener: () => void) => void closed.on('close', listener),
  });
  return { client: end(toServer, toClient), server: end(toClient, toServer), close: () => closed.emit('close') };
}

function start(handlers: Partial<Handlers>) {
  const channel = pair();
  const logged: string[] = [];
  serveChannel(handlers as Handlers, channel.server, (text) => logged.push(text));
  return { client: createContractClient(channel.client), logged, close: channel.close };
}

describe('the contract over a channel', () => {
  it('answers a call, and says which input does not fit', async () => {
    const { client } = start({ 'applications.remove': async () => ({}) });
    await expect(client.call('applications.remove', { testbed: 'a', application: 'b' })).resolves.toEqual({});
    await expect(client.call('applications.remove', { testbed: 1 } as never)).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('testbed'),
    });
  });

  it('carries an error with its code and remedy', async () => {
    const { client } = start({
      'applications.remove': async () => {
        throw new ContractError('unknown-testbed', 'There is no testbed "a".', 'See testbed list.');
      },
    });
    await expect(client.call('applications.remove', { testbed: 'a', application: 'b' })).rejects.toMatchObject({
      code: 'unknown-testbed',
      remedy: 'See testbed list.',
    });
  });

  it('never sends more events than the receiver has granted', async () => {
    let sent = 0;
    const { client } = start({
      'terminals.open': async (_input, emit, signal) => {
        while (!signal.aborted && sent < 1000) {
          await emit({ type: 'output', data: 'x' });
          sent++;
        }
      },
    });
    const { credit } = contract['terminals.open'];
    const held: (() => void)[] = [];
    let received = 0;
    const done = new Promise<void>((resolve) => {
      client.open(
        'terminals.open',
        { terminal: 't', testbed: null, host: 'local', columns: 80, rows: 24 },
        () => {
          received++;
          return received <= credit ? new Promise<void>((consume) => held.push(consume)) : undefined;
        },
        () => resolve(),
      );
    });
    await expect.poll(() => held.length).toBe(credit);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toBe(credit);
    for (const consume of held) consume();
    await done;
    expect(received).toBe(1000);
  });

  it('aborts the streams of a channel that closes, and fails what waits', async () => {
    let aborted = false;
    const { client, close } = start({
      'testbeds.watch': (_input, _emit, signal) =>
        new Promise((resolve) =>
          signal.addEventListener('abort', () => {
            aborted = true;
            resolve();
          }),
        ),
      'system.info': () => new Promise(() => {}),
    });
    let ended: ContractError | null = null;
    client.open(
      'testbeds.watch',
      {},
      () => {},
      (error) => {
        ended = error;
      },
    );
    const waiting = client.call('system.info', {});
    await new Promise((resolve) => setImmediate(resolve));
    close();
    await expect(waiting).rejects.toMatchObject({ code: 'disconnected' });
    expect({ aborted, code: (ended as ContractError | null)?.code }).toEqual({ aborted: true, code: 'disconnected' });
  });
});
