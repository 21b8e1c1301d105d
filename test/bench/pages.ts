import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, stdout } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium, type Page } from 'playwright-core';
import { createContractClient } from '../../main/contract/client.ts';
import { askCore, attachCore, stopCore } from '../../main/transport/attach.ts';
import { clientChannel } from '../../main/transport/web-socket-channel.ts';
import { root } from '../e2e/app.ts';
import { fillStore } from './day.ts';

/**
 * How soon each page is there with a day of a hundred nodes in the store: from the click until all that the page asked for was answered and drawn, in
 * Chromium without a GPU. The peer is the same window with an empty testbed. `npm run bench -- pages [--nodes 100] [--hours 24] [--period 1]`.
 */
const option = (name: string, usual: number): number => {
  const at = argv.indexOf(`--${name}`);
  return at < 0 ? usual : Number(argv[at + 1]);
};
const nodes = option('nodes', 100);
const hours = option('hours', 24);
/** Seconds between two readings of one series. */
const period = option('period', 1);
const decisionsAnHour = 120;
const rounds = 5;
const targetMs = 300;
const pages = [
  ...['testbeds', 'run', 'topology', 'telemetry', 'decisions', 'applications', 'policies', 'models'],
  ...['terminals', 'diagnostics', 'settings'],
];
/** A page that has not been answered by then will not be. */
const longestMs = 10_000;
const say = (text: string) => stdout.write(`${text}\n`);

const end = Math.floor(Date.now() / 1000) * 1000;
const nodeName = (index: number): string => (index === 0 ? 'management' : index === 1 ? 'master-1' : `worker-${index - 1}`);
const clusterOf = (index: number): string => (index === 0 ? 'management' : 'cluster1');
const roleOf = (index: number) =>
  index === 0 ? ('management' as const) : index === 1 ? ('master' as const) : ('worker' as const);

/** What the page has asked for over its socket and has not been answered, and how often it was. */
function traffic(page: Page) {
  const open = new Map<number, string>();
  const begun = { asked: 0 };
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => {
      const frame = JSON.parse(String(payload));
      if (frame.type !== 'call' && frame.type !== 'open') {
        if (frame.type === 'close') open.delete(frame.id);
        return;
      }
      begun.asked++;
      open.set(frame.id, frame.name);
    });
    // The first event of a stream is its answer.
    socket.on('framereceived', ({ payload }) => void open.delete(JSON.parse(String(payload)).id));
  });
  return { open, begun };
}

/** Streams that tell only when something happens. */
const quiet = new Set(['decisions.watch', 'telemetry.watch', 'secrets.watch', 'twins.clock']);

async function openTimes(page: Page, state: ReturnType<typeof traffic>): Promise<Map<string, number>> {
  const all = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++)
    for (const name of pages) {
      await delay(400);
      const begun = performance.now();
      await page.getByTestId(`nav-${name}`).click();
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0))));
      const waited = () => [...state.open.values()].filter((asked) => !quiet.has(asked));
      while (waited().length > 0) {
        if (performance.now() - begun > longestMs) throw new Error(`${name} still waits for ${waited().join(', ')}`);
        await delay(2);
      }
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0))));
      all.set(name, [...(all.get(name) ?? []), performance.now() - begun]);
    }
  return new Map([...all].map(([name, times]) => [name, times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN]));
}

const folder = mkdtempSync(join(tmpdir(), 'mls-bench-pages-'));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});
try {
  const options = { dataFolder: folder, distFolder: join(root, 'dist'), env: { ...process.env, MLSYSOPS_DATA: folder } };
  const socket = await attachCore(options);
  const client = createContractClient(clientChannel(socket));
  const clusters = {
    management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' },
    cluster1: { podCidr: '10.12.0.0/16', serviceCidr: '10.13.0.0/16' },
  };
  for (const [name, size] of [
    ['day', nodes],
    ['empty', 4],
  ] as const) {
    const hosts = Array.from({ length: size }, (_, index) => ({
      ...{ name: nodeName(index), address: `192.0.2.${(index % 250) + 1}`, port: 1000 + index, user: 'root' },
      ...{ role: roleOf(index), cluster: clusterOf(index) },
    }));
    await client.call('testbeds.create', {
      ...{ name, kind: 'hosts', fileName: 'testbed.json' },
      file: JSON.stringify({ name, kind: 'hosts', hosts, clusters }),
    });
  }
  const begun = performance.now();
  const names = Array.from({ length: nodes }, (_, index) => nodeName(index));
  const day = { nodes: names, clusterOf, roleOf, hours, period, decisionsAnHour, end };
  const readings = await fillStore(join(folder, 'testbeds', 'day', 'store.duckdb'), day, say);
  say(
    `${(readings / 1e6).toFixed(1)} M readings (${nodes} nodes × 10 metrics × ${hours} h, each ${period} s), ${hours * decisionsAnHour} decisions, ${hours * 60} pictures, made in ${((performance.now() - begun) / 1000).toFixed(0)} s`,
  );
  const { url } = await askCore(folder, '/web?port=0');
  if (!url) throw new Error('the core opened no browser server');
  const measure = async (testbed: string) => {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const state = traffic(page);
    await page.goto(url);
    await page.getByTestId(`testbed-row-${testbed}`).click();
    await delay(1000);
    const times = await openTimes(page, state);
    await page.close();
    return times;
  };
  const full = await measure('day');
  const empty = await measure('empty');
  let good = true;
  for (const name of pages) {
    const [ms, peer] = [full.get(name) ?? Number.NaN, empty.get(name) ?? Number.NaN];
    good &&= ms < targetMs;
    say(
      `${ms < targetMs ? '✓' : '✗'} ${name}: ${ms.toFixed(0)} ms; of an empty testbed ${peer.toFixed(0)} ms; ${(ms / peer).toFixed(1)} ×`,
    );
  }
  say(`(target: below ${targetMs} ms each; median of ${rounds})`);
  socket.close();
  process.exitCode = good ? 0 : 1;
} finally {
  await browser.close();
  await stopCore(folder);
  rmSync(folder, { recursive: true, force: true });
}
