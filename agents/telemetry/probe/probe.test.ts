import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { ManualClock } from '../../manual-clock.ts';
import { answerTo, packetBytes, probePacket } from './packets.ts';
import { LinkProber } from './prober.ts';
import { ProbeResponder } from './responder.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});
async function responder(allowed: string[], now?: () => number): Promise<ProbeResponder> {
  const one = new ProbeResponder({ host: '127.0.0.1', port: 0, now, log: () => {} });
  open.push(one);
  await one.listening;
  one.allow(allowed);
  return one;
}
function prober(): LinkProber {
  const one = new LinkProber({ clock: new ManualClock(), random: () => 0.5, intervalMs: 5000, transferIntervalMs: 60_000 });
  open.push(one);
  return one;
}
const values = (one: LinkProber) =>
  Object.fromEntries(one.samples().map(({ metric, value, peer }) => [`${metric} ${peer}`, value]));

test('the link to a peer is measured: round trip, loss and throughput', async () => {
  const peer = await responder(['127.0.0.1']);
  const one = prober();
  one.probe([{ node: 'b', address: '127.0.0.1', port: peer.port! }]);
  await one.round();
  const first = values(one);
  expect(first['link_round_trip_ms b']).toBeGreaterThan(0);
  expect(first['link_loss_ratio b']).toBe(0);
  expect(first['link_throughput_bytes_per_second b']).toBeGreaterThan(0);
  expect(one.samples()).toEqual([]);
  // Answered no more: lost, and no round trip is told.
  peer.allow([]);
  await one.round();
  const second = values(one);
  expect(second['link_round_trip_ms b']).toBeUndefined();
  expect(second['link_loss_ratio b']).toBe(0.5);
  one.probe([]);
  await one.round();
  expect(one.samples()).toEqual([]);
});

test('a peer that was busy is asked for a transfer again before long', async () => {
  let now = 0;
  const start = performance.now();
  const peer = await responder(['127.0.0.1'], () => now);
  // Another transfer has just been.
  await new Promise((resolve) => connect({ host: '127.0.0.1', port: peer.port! }).on('close', resolve).resume());
  const options = { clock: new ManualClock(), random: () => 0.5, intervalMs: 5000, transferIntervalMs: 600_000 };
  const one = new LinkProber({ ...options, now: () => now + performance.now() - start });
  open.push(one);
  one.probe([{ node: 'b', address: '127.0.0.1', port: peer.port! }]);
  const throughputAt = async (second: number) => {
    now = second * 1000;
    await one.round();
    return values(one)['link_throughput_bytes_per_second b'];
  };
  expect(await throughputAt(1)).toBeUndefined();
  expect(await throughputAt(10)).toBeUndefined();
  expect(await throughputAt(30)).toBeGreaterThan(0);
});

test('each peer has its turn, one in a round', async () => {
  const peer = await responder(['127.0.0.1']);
  const one = prober();
  one.probe(['b', 'c', 'd'].map((node) => ({ node, address: '127.0.0.1', port: peer.port! })));
  const probed = new Set<string>();
  for (let round = 0; round < 3; round++) {
    await one.round();
    const peers = new Set(one.samples().map((sample) => sample.peer));
    expect(peers.size).toBe(1);
    for (const node of peers) probed.add(node!);
  }
  expect([...probed].sort()).toEqual(['b', 'c', 'd']);
});

test('strangers, other packets, too many probes and a second transfer are not answered', async () => {
  const peer = await responder(['127.0.0.1'], () => 0);
  const socket = createSocket('udp4');
  open.push({ close: () => socket.close() });
  let answers = 0;
  socket.on('message', (packet) => {
    expect(packet.length).toBe(packetBytes);
    answers++;
  });
  const send = (packet: Buffer) => new Promise<void>((resolve) => socket.send(packet, peer.port!, '127.0.0.1', () => resolve()));
  await send(Buffer.from('hello'));
  await send(Buffer.alloc(1000));
  // An answer is never answered: two responders cannot be set upon each other.
  await send(answerTo(probePacket(1))!);
  for (let id = 0; id < 80; id++) await send(probePacket(id));
  await expect.poll(() => answers, { timeout: 10_000 }).toBe(50);
  const transfer = () =>
    new Promise<number>((resolve) => {
      let bytes = 0;
      const connection = connect({ host: '127.0.0.1', port: peer.port! });
      connection.on('data', (chunk) => {
        bytes += chunk.length;
      });
      connection.on('error', () => {});
      connection.on('close', () => resolve(bytes));
    });
  expect(await transfer()).toBe(256 * 1024);
  expect(await transfer()).toBe(0);
  peer.allow([]);
  expect(await transfer()).toBe(0);
  expect(answers).toBe(50);
});
