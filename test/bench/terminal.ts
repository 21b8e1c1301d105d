import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stdout } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spawn } from 'node-pty';
import { createContractClient } from '../../main/contract/client.ts';
import { attachCore, stopCore } from '../../main/transport/attach.ts';
import { clientChannel } from '../../main/transport/web-socket-channel.ts';
import { type LoopbackSshd, startLoopbackSshd } from '../../provisioning/ssh/sshd.fixture.ts';

/**
 * A shell on a host, over the same sshd: ours from ssh2 through the core and its socket to the client that a window has, beside OpenSSH's own client
 * in a terminal. What is drawn is not in it. `npm run bench -- terminal [megabytes]`.
 */
const megabytes = Number(process.argv[2] ?? 200);
const rounds = 3;
const echoes = 300;
const interrupts = 10;
const targets = { ofPeer: 0.8, megabytesPerSecond: 30, echoP95Ms: 10, interruptMs: 100 };

interface Shell {
  write(text: string): void;
  onText(listener: (text: string) => void): void;
  close(): void;
}
const say = (text: string) => stdout.write(`${text}\n`);

/** What the shell says next that ends in this, and when it was there. */
class Reader {
  readonly #shell: Shell;
  #tail = '';
  #wanted: { text: string; found: (at: number) => void } | null = null;
  bytes = 0;
  constructor(shell: Shell) {
    this.#shell = shell;
    shell.onText((text) => {
      this.bytes += text.length;
      this.#tail = (this.#tail + text).slice(-Math.max(4096, text.length));
      const wanted = this.#wanted;
      if (!wanted || !this.#tail.includes(wanted.text)) return;
      this.#wanted = null;
      this.#tail = '';
      wanted.found(performance.now());
    });
  }
  /** Writes, and gives the ms until the text was there. */
  async until(typed: string, text: string): Promise<number> {
    this.#tail = '';
    const started = performance.now();
    const found = new Promise<number>((resolve) => {
      this.#wanted = { text, found: resolve };
    });
    this.#shell.write(typed);
    return (await found) - started;
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Sum of 40 and 2: what is typed does not hold what it answers with. */
const mark = (name: string) => ({ typed: `echo ${name}-$((40+2))`, said: `${name}-42` });

async function measure(shell: Shell, file: string) {
  const reader = new Reader(shell);
  const ready = mark('ready');
  await reader.until(`PS1='$ '; ${ready.typed}\r`, ready.said);
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = reader.bytes;
    const end = mark(`flood${round}`);
    const ms = await reader.until(`cat ${file}; ${end.typed}\r`, end.said);
    rates.push((reader.bytes - before) / 1e6 / (ms / 1000));
  }
  const echo: number[] = [];
  for (let index = 0; index < echoes; index++) echo.push(await reader.until('x', 'x'));
  const cleared = mark('cleared');
  await reader.until(`\x15${cleared.typed}\r`, cleared.said);
  const interrupt: number[] = [];
  for (let index = 0; index < interrupts; index++) {
    await reader.until('yes flood\r', 'flood\r\nflood\r\nflood\r\n');
    await delay(300);
    interrupt.push(await reader.until('\x03', '$ '));
  }
  shell.close();
  return {
    rate: quantile(rates, 0.5),
    echoP95: quantile(echo, 0.95),
    echoP50: quantile(echo, 0.5),
    interrupt: Math.max(...interrupt),
  };
}

function openSsh(sshd: LoopbackSshd, knownHosts: string): Shell {
  const options = ['BatchMode=yes', 'StrictHostKeyChecking=yes', `UserKnownHostsFile=${knownHosts}`].flatMap((one) => [
    '-o',
    one,
  ]);
  const { host, port, identityFile } = sshd;
  const pty = spawn(
    'ssh',
    ['-tt', '-F', 'none', ...options, '-i', identityFile, '-p', `${port}`, `${host.user}@${host.address}`],
    {
      ...{ name: 'xterm-256color', cols: 120, rows: 40, cwd: tmpdir(), env: { PATH: process.env.PATH ?? '' } },
    },
  );
  return { write: (text) => pty.write(text), onText: (listener) => void pty.onData(listener), close: () => pty.kill() };
}

const folder = await mkdtemp(join(tmpdir(), 'mlsysops-bench-terminal-'));
const dist = join(dirname(fileURLToPath(import.meta.url)), '..');
const sshd = await startLoopbackSshd('bench');
try {
  const line = `${'The quick brown fox jumps over the lazy dog. '.repeat(2).slice(0, 79)}\n`;
  const file = join(folder, 'flood.txt');
  await writeFile(file, line.repeat(Math.ceil((megabytes * 1e6) / line.length)));

  const socket = await attachCore({ dataFolder: folder, distFolder: dist, env: process.env });
  const client = createContractClient(clientChannel(socket));
  const { labels: _labels, ...host } = sshd.host;
  const clusters = { management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' } };
  await client.call('testbeds.create', {
    ...{ name: 'bench', kind: 'hosts', fileName: 'testbed.json' },
    file: JSON.stringify({ name: 'bench', kind: 'hosts', hosts: [host], clusters }),
  });
  const [key] = await client.call('testbeds.hostKeys', { testbed: 'bench' });
  if (!key?.fingerprint) throw new Error('the host has told no key');
  await client.call('testbeds.trust', { testbed: 'bench', host: host.name, fingerprint: key.fingerprint });

  const terminal = randomUUID();
  let take: (text: string) => void = () => {};
  const stream = client.open(
    'terminals.open',
    { terminal, testbed: 'bench', host: host.name, columns: 120, rows: 40 },
    (event) => {
      if (event.type === 'output') take(event.data);
    },
    (error) => {
      if (error) throw error;
    },
  );
  const ours = await measure(
    {
      write: (data) => void client.call('terminals.write', { terminal, data }),
      onText: (listener) => {
        take = listener;
      },
      close: () => stream.close(),
    },
    file,
  );
  const peer = await measure(openSsh(sshd, join(sshd.folder, 'known_hosts')), file);
  socket.close();

  const rows: [what: string, ours: number, peer: number, unit: string, good: boolean, target: string][] = [
    [
      'flood',
      ours.rate,
      peer.rate,
      'MB/s',
      ours.rate >= targets.megabytesPerSecond && ours.rate >= targets.ofPeer * peer.rate,
      `${targets.megabytesPerSecond} MB/s and ${targets.ofPeer} of OpenSSH`,
    ],
    ['echo p50', ours.echoP50, peer.echoP50, 'ms', true, 'none'],
    ['echo p95', ours.echoP95, peer.echoP95, 'ms', ours.echoP95 < targets.echoP95Ms, `below ${targets.echoP95Ms} ms`],
    [
      'Ctrl-C under a flood, worst',
      ours.interrupt,
      peer.interrupt,
      'ms',
      ours.interrupt < targets.interruptMs,
      `below ${targets.interruptMs} ms`,
    ],
  ];
  say(`${megabytes} MB, median of ${rounds}; ${echoes} echoes; ${interrupts} interrupts`);
  for (const [what, a, b, unit, good, target] of rows)
    say(
      `${good ? '✓' : '✗'} ${what}: ${a.toFixed(1)} ${unit}; OpenSSH ${b.toFixed(1)} ${unit}; ratio ${(a / b).toFixed(2)} (target: ${target})`,
    );
  process.exitCode = rows.every(([, , , , good]) => good) ? 0 : 1;
} finally {
  await stopCore(folder);
  await sshd.stop();
  await rm(folder, { recursive: true, force: true });
}
