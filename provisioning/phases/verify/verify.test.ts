import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { nodeProgram } from '../prepare.ts';
import { exampleTestbed } from '../support/context-double.ts';
import { expectedAgents, silentAgents } from './agents-heard.ts';
import { dnsStep, lookUp } from './dns.ts';

describe('agents that are to be heard', () => {
  const expected = expectedAgents(exampleTestbed().hosts, exampleTestbed());
  const names = expected.map(({ agent }) => agent);
  const heard = (at: number) => ({
    heartbeats: new Map(names.map((agent) => [agent, at])),
    telemetry: new Map(exampleTestbed().hosts.map(({ name }) => [name, at])),
  });

  it('are one of each node, one of each cluster and the continuum’s', () => {
    expect(names.toSorted()).toEqual(
      [
        'cluster-cluster1',
        'cluster-management',
        'continuum',
        'node-management',
        'node-master-1',
        'node-worker-1',
        'node-worker-2',
      ].toSorted(),
    );
  });

  it('are silent when they were never heard, when their last word is older than 5 s, or when a node tells no telemetry', () => {
    const missing = (now: number, change: (all: ReturnType<typeof heard>) => void = () => {}) => {
      const all = heard(1000);
      change(all);
      return silentAgents(expected, all, now).map((one) => one.missing);
    };
    expect(missing(6000)).toEqual([]);
    expect(missing(6001)).toHaveLength(names.length);
    expect(missing(2000, ({ telemetry }) => telemetry.delete('worker-1'))).toEqual(['no telemetry of worker-1']);
    expect(missing(2000, ({ heartbeats }) => heartbeats.delete('cluster-cluster1'))).toEqual([
      'no heartbeat of cluster-cluster1',
    ]);
  });
});

describe('the DNS of a cluster', () => {
  /** Knows one name's address, and nothing else. */
  async function startDns(known: string): Promise<{ port: number; close(): void }> {
    const socket = createSocket('udp4');
    socket.on('message', (question, { port, address }) => {
      const labels: string[] = [];
      let at = 12;
      for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
        labels.push(question.toString('latin1', at + 1, at + 1 + length));
        at += length + 1;
      }
      const isKnown = labels.join('.') === known;
      const header = Buffer.from([question[0]!, question[1]!, 0x84, isKnown ? 0 : 3, 0, 1, 0, isKnown ? 1 : 0, 0, 0, 0, 0]);
      const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 96, 0, 1]);
      socket.send(Buffer.concat([header, question.subarray(12, at + 5), ...(isKnown ? [answer] : [])]), port, address);
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return { port: socket.address().port, close: () => socket.close() };
  }

  it('is asked for a name, and believed when it knows it alone', async () => {
    const dns = await startDns('kubernetes.default.svc.cluster.local');
    const ask = (name: string): Promise<boolean> =>
      new Promise((resolve) => {
        const line = `${lookUp.replace(nodeProgram, process.execPath)} 127.0.0.1:${dns.port} ${name}`;
        execFile('/bin/sh', ['-c', line], (error) => resolve(error === null));
      });
    try {
      expect(await ask('kubernetes.default.svc.cluster.local')).toBe(true);
      expect(await ask('nothing.default.svc.cluster.local')).toBe(false);
    } finally {
      dns.close();
    }
    // Read as a whole by the shell that will run it.
    const { observe, change } = dnsStep('cluster1');
    for (const text of [observe, String(change)]) {
      const checked = await new Promise((resolve) => execFile('/bin/sh', ['-n', '-c', text], (error) => resolve(error)));
      expect(checked).toBeNull();
    }
  });
});
