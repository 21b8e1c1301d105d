import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { type Bus, BusError } from './bus.ts';
import { MemoryBus } from './memory.ts';
import { NatsBus } from './nats.ts';
import { fileOutbox } from './outbox.ts';

const note = z.object({ text: z.string() });
const anything = z.unknown();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

let folder: string;
let port: number;
let server: ChildProcess;

async function startServer(): Promise<ChildProcess> {
  const child = spawn('/usr/sbin/nats-server', ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder], { stdio: 'pipe' });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.stderr?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('Server is ready')) resolve();
    });
  });
  return child;
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mls-bus-'));
  port = await freePort();
  server = await startServer();
});
afterAll(async () => {
  await stopServer(server);
  await rm(folder, { recursive: true, force: true });
});

const natsBus = (onInvalid?: (subject: string, error: Error) => void) =>
  NatsBus.connect({ servers: [`nats://127.0.0.1:${port}`], name: 'test', onInvalid });

describe.each([
  ['MemoryBus', async (onInvalid?: (subject: string, error: Error) => void): Promise<Bus> => new MemoryBus({ onInvalid })],
  ['NatsBus on a real nats-server', natsBus],
])('%s', (_name, open) => {
  test('delivers by wildcard, in order, to everyone who asked', async () => {
    const bus = await open();
    const all: string[] = [];
    const oneToken: string[] = [];
    bus.subscribe('t.>', note, (value, subject) => all.push(`${subject}=${value.text}`));
    const star = bus.subscribe('t.*.b', note, (value) => oneToken.push(value.text));
    for (const [subject, text] of [
      ['t.a.b', '1'],
      ['t.a', '2'],
      ['t.a.b.c', '3'],
      ['t', '4'],
    ] as const)
      await bus.publish(subject, note, { text });
    await vi.waitFor(() => expect(all).toEqual(['t.a.b=1', 't.a=2', 't.a.b.c=3']));
    expect(oneToken).toEqual(['1']);
    star.close();
    await bus.publish('t.x.b', note, { text: '5' });
    await vi.waitFor(() => expect(all).toHaveLength(4));
    expect(oneToken).toEqual(['1']);
    await bus.close();
  });

  test('refuses a value that does not fit, and reports one that arrives so', async () => {
    const invalid: string[] = [];
    const bus = await open((subject) => invalid.push(subject));
    const heard: string[] = [];
    bus.subscribe('n.a', note, (value) => heard.push(value.text));
    await expect(bus.publish('n.a', note, { text: 5 } as never)).rejects.toThrow(z.ZodError);
    await bus.publish('n.a', anything, { other: 1 });
    await bus.publish('n.a', note, { text: 'good' });
    await vi.waitFor(() => expect(heard).toEqual(['good']));
    expect(invalid).toEqual(['n.a']);
    await bus.close();
  });

  test('answers requests; silence, an error and a misfit are BusErrors', async () => {
    const bus = await open();
    bus.answer('q.double', z.number(), z.number(), async (value) => value * 2);
    bus.answer('q.throws', z.number(), z.number(), async () => {
      throw new Error('the shelf is empty');
    });
    bus.answer('q.misfit', anything, anything, async () => 'a word');
    bus.answer('q.never', anything, anything, () => new Promise(() => {}));
    expect(await bus.request('q.double', z.number(), 21, z.number(), 2000)).toBe(42);
    await expect(bus.request('q.throws', z.number(), 1, z.number(), 2000)).rejects.toThrow(/the shelf is empty/);
    for (const subject of ['q.misfit', 'q.never', 'q.nobody'])
      await expect(bus.request(subject, z.number(), 1, z.number(), 200)).rejects.toThrow(BusError);
    await bus.close();
  });
});

describe('NatsBus', () => {
  test('keeps decisions for who was away, and hands over what was published while the server was gone', async () => {
    const sender = await natsBus();
    await sender.publish('mls.decision.c.cluster.a', note, { text: 'before' });
    const readKept = async () => {
      const reader = await natsBus();
      try {
        return (await reader.kept('mls.decision.>', note, 0)).map(({ text }) => text);
      } finally {
        await reader.close();
      }
    };
    await vi.waitFor(async () => expect(await readKept()).toEqual(['before']), { timeout: 8000, interval: 100 });

    await stopServer(server);
    await sender.publish('mls.decision.c.cluster.a', note, { text: 'while away' });
    server = await startServer();
    await vi.waitFor(async () => expect(new Set(await readKept())).toEqual(new Set(['before', 'while away'])), {
      timeout: 15_000,
      interval: 200,
    });
    await sender.close();
  }, 40_000);

  test('hands over what an agent wrote that ended while the server was gone', async () => {
    const path = join(folder, 'outbox.jsonl');
    const troubles: string[] = [];
    const open = () => {
      const outbox = fileOutbox(path, (text) => troubles.push(text));
      return NatsBus.connect({ servers: [`nats://127.0.0.1:${port}`], name: 'test', outbox });
    };
    const sender = await open();
    await stopServer(server);
    await sender.publish('mls.decision.c.node.b', note, { text: 'acted' });
    await sender.publish('mls.decision.c.node.b', note, { text: 'and again' });
    await sender.close();
    // Power was cut in the middle of a third.
    await appendFile(path, '{"id":"x","subject":"mls.dec');
    server = await startServer();

    const after = await open();
    await vi.waitFor(
      async () => {
        const kept = await after.kept('mls.decision.c.node.b', note, 0);
        expect(kept.map(({ text }) => text)).toEqual(['acted', 'and again']);
      },
      { timeout: 15_000, interval: 200 },
    );
    expect(troubles).toEqual(['a waiting decision cannot be read any more and was left out']);
    await vi.waitFor(async () => expect(await readFile(path, 'utf8')).toBe(''), { timeout: 5000 });
    await after.close();
  }, 40_000);

  test('gives up a connection that fell silent, makes another, and hands over what was said into the silence', async () => {
    const sockets = new Set<Socket>();
    // What is connected hears nothing any more, as after a cut whose end nobody tells; who comes then is let through.
    let silent = new Set<Socket>();
    const way = createServer((from) => {
      const to = connect(port, '127.0.0.1');
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        sockets.add(one);
        one.on('data', (data) => void (silent.has(one) || other.write(data)));
        one.on('close', () => other.destroy());
        one.on('error', () => other.destroy());
      }
    }).listen(0, '127.0.0.1');
    await once(way, 'listening');
    const address = way.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const states: string[] = [];
    const sender = await NatsBus.connect({
      servers: [`nats://127.0.0.1:${address.port}`],
      name: 'test',
      pingIntervalMs: 200,
      onState: (text) => states.push(text),
    });
    const reader = await natsBus();
    await sender.flush();
    silent = new Set(sockets);
    await sender.publish('mls.decision.c.node.c', note, { text: 'into the silence' });
    await vi.waitFor(() => expect(states).toContain('bus: connected again'), { timeout: 10_000 });
    await vi.waitFor(
      async () => {
        const kept = await reader.kept('mls.decision.c.node.c', note, 0);
        expect(kept.map(({ text }) => text)).toEqual(['into the silence']);
      },
      { timeout: 15_000, interval: 200 },
    );
    await sender.close();
    await reader.close();
    for (const socket of sockets) socket.destroy();
    way.close();
  }, 40_000);
});
