import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, stdout } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { _electron as electron, type Page } from 'playwright-core';
import { openElectron, root } from '../e2e/app.ts';
import { startDisplay } from '../e2e/display.ts';

/**
 * The app in real Electron with a live twin of four nodes: time to the first paint, processor while nobody touches it, and memory while the twin runs
 * for an hour of its own time. The peer is an empty window of the same Electron. `npm run bench -- desktop [minutes] [speed]`: 10 minutes at 6 × are an hour.
 */
const minutes = Number(argv[2] ?? 10);
const speed = Number(argv[3] ?? 6);
const idleSeconds = 30;
const starts = 3;
const targets = { paintMs: 1000, hiddenPercent: 0.5, visiblePercent: 5, heapMb: 150 };
const say = (text: string) => stdout.write(`${text}\n`);
const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** ms from the start of the process, and from the start of the page, until something was painted. */
async function paintOf(page: Page, startedAt: number): Promise<{ fromProcess: number; fromPage: number }> {
  const { at, after } = await page.evaluate(async () => {
    const paints = () => performance.getEntriesByType('paint').filter(({ name }) => name === 'first-contentful-paint');
    while (paints().length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const startTime = paints()[0]?.startTime ?? Number.NaN;
    return { at: performance.timeOrigin + startTime, after: startTime };
  });
  return { fromProcess: at - startedAt, fromPage: after };
}

/** Clock ticks that a process has used; null when it has ended. Linux counts 100 a second. */
function ticksOf(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return null;
  }
}

interface Processes {
  window: number[];
  core: number[];
  twin: number[];
}
function processesOf(main: number, core: number): Processes {
  const all = readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const parent = Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]);
      return [{ pid: Number(name), parent }];
    } catch {
      return [];
    }
  });
  const under = (pid: number): number[] => [
    pid,
    ...all.filter(({ parent, pid: own }) => parent === pid && own !== core).flatMap(({ pid: own }) => under(own)),
  ];
  const [, ...twin] = under(core);
  return { window: under(main), core: [core], twin };
}

/** Share of one processor that each part takes meanwhile, in percent. */
async function loadOf(main: number, core: number): Promise<Record<keyof Processes, number>> {
  const processes = processesOf(main, core);
  const read = (): (number | null)[][] => [processes.window, processes.core, processes.twin].map((pids) => pids.map(ticksOf));
  const before = read();
  const begun = performance.now();
  await delay(idleSeconds * 1000);
  const seconds = (performance.now() - begun) / 1000;
  const after = read();
  const used = (part: number): number =>
    (after[part] ?? []).reduce<number>((sum, now, index) => sum + Math.max(0, (now ?? 0) - (before[part]?.[index] ?? 0)), 0);
  return { window: used(0) / seconds, core: used(1) / seconds, twin: used(2) / seconds };
}

async function emptyWindow(): Promise<{ fromProcess: number; fromPage: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'mls-bench-empty-'));
  const display = await startDisplay();
  try {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', main: 'main.cjs' }));
    writeFileSync(
      join(folder, 'main.cjs'),
      "const { app, BrowserWindow } = require('electron'); app.whenReady().then(() => { globalThis.shown = new BrowserWindow(); return globalThis.shown.loadFile('index.html'); });",
    );
    writeFileSync(join(folder, 'index.html'), '<!doctype html><title>empty</title><p>Nothing</p>');
    const startedAt = Date.now();
    const app = await electron.launch({
      executablePath: join(process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(root, '.cache', 'electron'), 'electron'),
      args: [
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--disable-gpu',
        `--user-data-dir=${join(folder, 'data')}`,
        folder,
      ],
      env: { ...(process.env as Record<string, string>), DISPLAY: display.name },
      cwd: folder,
    });
    const paint = await paintOf(await app.firstWindow(), startedAt);
    await app.close();
    return paint;
  } finally {
    display.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

let good = true;
const judge = (fits: boolean, text: string) => {
  good &&= fits;
  say(`${fits ? '✓' : '✗'} ${text}`);
};

const own: { fromProcess: number; fromPage: number }[] = [];
const empty: { fromProcess: number; fromPage: number }[] = [];
for (let round = 0; round < starts; round++) {
  const startedAt = Date.now();
  const app = await openElectron();
  own.push(await paintOf(app.page, startedAt));
  await app.close();
  empty.push(await emptyWindow());
}
const [ours, peer] = [own, empty].map((all) => ({
  fromProcess: median(all.map(({ fromProcess }) => fromProcess)),
  fromPage: median(all.map(({ fromPage }) => fromPage)),
})) as [{ fromProcess: number; fromPage: number }, { fromProcess: number; fromPage: number }];
judge(
  ours.fromPage < targets.paintMs,
  `first paint ${ours.fromPage.toFixed(0)} ms after the page begins, ${ours.fromProcess.toFixed(0)} ms after the process; an empty window ${peer.fromPage.toFixed(0)} and ${peer.fromProcess.toFixed(0)} ms; ratio of the whole ${(ours.fromProcess / peer.fromProcess).toFixed(2)} (target: below ${targets.paintMs} ms; median of ${starts})`,
);

const app = await openElectron();
try {
  const { page } = app;
  await page.getByTestId('start-twin').click();
  await page.locator('[data-testid^="component-"][data-state="running"]').first().waitFor({ timeout: 120_000 });
  if (await page.getByTestId('tour-end').count()) await page.getByTestId('tour-end').click();
  const main = app.electron.process().pid ?? 0;
  const core = Number(readFileSync(join(app.dataFolder, 'core.lock'), 'utf8'));
  await delay(20_000);
  const told = (load: Record<keyof Processes, number>) =>
    `window ${load.window.toFixed(2)} %, core ${load.core.toFixed(2)} %, the simulated testbed itself ${load.twin.toFixed(1)} %`;
  for (const shown of ['topology', 'telemetry', 'decisions']) {
    await page.getByTestId(`nav-${shown}`).click();
    await delay(5000);
    const load = await loadOf(main, core);
    judge(
      load.window + load.core < targets.visiblePercent,
      `nobody touches it, ${shown} shown: ${told(load)} of a core (target: below ${targets.visiblePercent} %)`,
    );
  }
  await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide());
  await delay(5000);
  const load = await loadOf(main, core);
  judge(
    load.window + load.core < targets.hiddenPercent,
    `the window hidden: ${told(load)} of a core (target: below ${targets.hiddenPercent} %)`,
  );
  await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.show());

  app.cli('twin', 'speed', 'twin', String(speed));
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const heapMb = async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? Number.NaN) / 2 ** 20;
  };
  const heaps = [await heapMb()];
  const pages = ['topology', 'telemetry', 'decisions', 'applications', 'run', 'diagnostics'];
  for (let minute = 0; minute < minutes; minute++) {
    // As a guest would be shown it.
    await page.getByTestId(`nav-${pages[minute % pages.length]}`).click();
    await delay(60_000);
    heaps.push(await heapMb());
  }
  const half = heaps.slice(Math.floor(heaps.length / 2));
  const growth = (half.at(-1) ?? 0) - (half[0] ?? 0);
  const rss = processesOf(main, core).window.reduce((sum, pid) => {
    try {
      return sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
      return sum;
    }
  }, 0);
  judge(
    Math.max(...heaps) < targets.heapMb,
    `heap of the page over ${minutes} min at ${speed} × (${((minutes * speed) / 60).toFixed(1)} h of the testbed), each minute after a collection: ${heaps.map((heap) => heap.toFixed(0)).join(' ')} MB (target: below ${targets.heapMb} MB)`,
  );
  say(`growth over the second half: ${growth.toFixed(1)} MB; all processes of the window hold ${rss.toFixed(0)} MB`);
} finally {
  await app.close();
}
process.exitCode = good ? 0 : 1;
