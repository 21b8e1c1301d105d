import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventOf } from '../contract/contract.ts';
import { channelLost } from '../transport/serve-channel.ts';
import { localShell } from './shells.ts';
import { cut, Terminals } from './terminals.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'mls-terminal-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const environment = () => ({
  PATH: process.env.PATH,
  HOME: home,
  SHELL: '/bin/sh',
  PS1: '$ ',
  MLSYSOPS_DATA: '/somewhere',
  LANG: 'C.UTF-8',
});
let pauses = 0;
const keptMs = 300;
const terminals = new Terminals(async (input) => {
  const shell = localShell(input, environment());
  return {
    ...shell,
    pause: () => {
      pauses++;
      shell.pause();
    },
  };
}, keptMs);

/** Opens a terminal; `take` is asked before each event is taken. */
function open(terminal: string, take: () => Promise<void> = async () => {}, anew = false) {
  const abort = new AbortController();
  const seen = { text: '', again: '', largest: 0, exit: undefined as EventOf<'terminals.open'> | undefined, resumed: false };
  const input = { terminal, testbed: null, host: 'local', columns: 80, rows: 24, anew };
  const ended = terminals.open(
    input,
    async (event) => {
      await take();
      if (event.type === 'exit') seen.exit = event;
      else if (event.type === 'opened') seen.resumed = event.resumed;
      else if (event.again) seen.again += event.data;
      else {
        seen.text = (seen.text + event.data).slice(-200_000);
        seen.largest = Math.max(seen.largest, event.data.length);
      }
    },
    abort.signal,
  );
  ended.catch(() => {});
  return { seen, ended, close: () => abort.abort(), lose: () => abort.abort(channelLost), input };
}
function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
const until = (seen: { text: string }, pattern: RegExp) => expect.poll(() => seen.text, { timeout: 10_000 }).toMatch(pattern);

describe('a terminal on this computer', () => {
  test('echoes, runs, knows its size, and tells how the shell ended', async () => {
    const { seen, ended } = open('one');
    await until(seen, /\$ $/);
    terminals.write('one', 'echo "grüße $((6*7))"; stty size; env | grep -c MLSYSOPS\r');
    await until(seen, /grüße 42\r\n24 80\r\n0\r\n/);
    terminals.resize('one', { columns: 123, rows: 45 });
    terminals.write('one', 'stty size\r');
    await until(seen, /45 123\r\n/);
    terminals.write('one', 'exit 7\r');
    await ended;
    expect(seen.exit).toEqual({ type: 'exit', code: 7, signal: null });
    expect(() => terminals.write('one', 'x')).toThrow(/no terminal/);
  });

  test('Ctrl-C ends a flood at once, although the receiver is slow, and little is on its way', async () => {
    let release = () => {};
    let held: Promise<void> | null = null;
    const { seen, close, ended } = open('two', async () => void (await held));
    await until(seen, /\$ $/);
    terminals.write('two', 'yes flood\r');
    await until(seen, /(flood\r\n){100}/);
    // The receiver takes nothing more: the shell must wait, not the memory grow.
    held = new Promise((resolve) => {
      release = resolve;
    });
    const before = pauses;
    await expect.poll(() => pauses).toBeGreaterThan(before);
    terminals.write('two', '\x03');
    const sentAt = seen.text.length;
    held = null;
    release();
    await until(seen, /\^C\r\n\$ $/);
    // What still came after Ctrl-C: what was held here and in the kernel, no more.
    expect(seen.text.length - sentAt).toBeLessThan(200_000);
    expect(seen.largest).toBeLessThanOrEqual(64 * 1024 + 1);
    close();
    await ended;
  });

  test('ends with the stream that opened it, and its name is free again', async () => {
    const first = open('three');
    await until(first.seen, /\$ $/);
    terminals.write('three', 'echo pid=$$\r');
    await until(first.seen, /pid=\d+\r\n/);
    const pid = Number(/pid=(\d+)/.exec(first.seen.text)?.[1]);
    await expect(terminals.open(first.input, async () => {}, new AbortController().signal)).rejects.toMatchObject({
      code: 'terminal-exists',
    });
    first.close();
    await first.ended;
    await expect.poll(() => alive(pid)).toBe(false);
    const again = open('three');
    await until(again.seen, /\$ $/);
    again.close();
    await again.ended;
  });

  test('tells a window that was loaded anew what it said last, from the beginning of a line, and what it says now', async () => {
    const first = open('five');
    await until(first.seen, /\$ $/);
    terminals.write('five', 'seq 20000; echo mark\r');
    await until(first.seen, /mark\r\n\$ $/);
    first.lose();
    await first.ended;
    const again = open('five', undefined, true);
    await expect.poll(() => again.seen.again, { timeout: 10_000 }).toMatch(/^\d+\r\n\d+\r\n[\s\S]*\r\n20000\r\nmark\r\n\$ $/);
    expect(again.seen.again.length).toBeLessThanOrEqual(64 * 1024);
    expect(Number.parseInt(again.seen.again, 10)).toBeGreaterThan(1000);
    terminals.write('five', 'echo $((6*7))\r');
    await until(again.seen, /42\r\n\$ $/);
    expect(again.seen.text).not.toContain('mark');
    again.close();
    await again.ended;
  });

  test('whose connection was lost goes on where it was, with what it said meanwhile, and ends when nobody comes back', async () => {
    const first = open('four');
    await until(first.seen, /\$ $/);
    terminals.write('four', 'echo pid=$$; read line; echo "got $line"; seq 20000\r');
    await until(first.seen, /pid=\d+\r\n/);
    const [, pid = ''] = /pid=(\d+)/.exec(first.seen.text) ?? [];
    first.lose();
    await first.ended;
    // It waits for its window, as a program does that writes into a full pipe.
    terminals.write('four', 'word\r');
    const again = open('four');
    await until(again.seen, /got word\r\n1\r\n2\r\n[\s\S]*\r\n19999\r\n20000\r\n\$ $/);
    expect(again.seen.resumed).toBe(true);
    terminals.write('four', 'echo still=$$\r');
    await until(again.seen, new RegExp(`still=${pid}\r\n`));
    again.lose();
    await again.ended;
    await expect.poll(() => alive(Number(pid))).toBe(false);
    expect(() => terminals.write('four', 'x')).toThrow(/no terminal/);
  });
});

test('text is cut into pieces that join to the same and split no character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 5 }), (text, size) => {
      const pieces = [...cut(text, size)];
      expect(pieces.join('')).toBe(text);
      for (const piece of pieces) expect(piece).toBe(Buffer.from(piece, 'utf8').toString('utf8'));
    }),
  );
});
