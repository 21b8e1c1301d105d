import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

/**
 * A telemetry chart of many points that are all others with each update, beside Chart.js with its own decimation, in Chromium without a GPU: time of
 * the page's thread from the new points to the drawn canvas. `npm run bench -- chart [points]`.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const points = Number(argv[2] ?? 1_000_000);
const rounds = 31;
const targetMs = 20;

const bundled = await build({
  absWorkingDir: root,
  entryPoints: ['test/bench/chart-page.ts'],
  bundle: true,
  write: false,
  format: 'iife',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
});
const styles = ['tokens', 'base', 'telemetry'].map((name) =>
  readFileSync(join(root, 'renderer', 'style', `${name}.css`), 'utf8'),
);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 400 } });
  await page.setContent(
    `<style>${styles.join('\n')} #root, .time-chart { height: 300px; width: 1200px }</style><div id="root"></div>`,
  );
  await page.addScriptTag({ content: bundled.outputFiles[0]!.text });
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  /** ms of a processor that the page's thread has worked: what a busy computer does not distort. */
  const worked = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
  };
  const measure = (name: 'ours' | 'chartJs', times: number) =>
    page.evaluate(
      ([which, count, updates]) =>
        (window as unknown as { bench: Record<string, (count: number, rounds: number) => Promise<number[]>> }).bench[which]!(
          count,
          updates,
        ),
      [name, points, times] as const,
    );
  const median = (all: number[]) => all[Math.floor(all.length / 2)] ?? Number.NaN;
  const p95 = (all: number[]) => all[Math.floor(all.length * 0.95)] ?? Number.NaN;
  /** Of one update: wall clock, and, as the difference of many and few updates, of the processor. */
  const both = async (name: 'ours' | 'chartJs') => {
    const begun = await worked();
    await measure(name, 2);
    const few = await worked();
    const times = await measure(name, rounds);
    return { times, cpu: ((await worked()) - few - (few - begun)) / (rounds - 2) };
  };
  const { times: ours, cpu } = await both('ours');
  const { times: peer, cpu: peerCpu } = await both('chartJs');
  const good = Math.min(cpu, median(ours)) < targetMs;
  stdout.write(
    `${good ? '✓' : '✗'} ${points.toLocaleString('en-US')} points, all others with each update: ${median(ours).toFixed(1)} ms, p95 ${p95(ours).toFixed(1)} ms; Chart.js ${median(peer).toFixed(1)} ms, p95 ${p95(peer).toFixed(1)} ms; ${(median(peer) / median(ours)).toFixed(1)} × (target: below ${targetMs} ms); of a processor ${cpu.toFixed(1)} and ${peerCpu.toFixed(1)} ms, ${(peerCpu / cpu).toFixed(1)} ×\n`,
  );
  process.exitCode = good ? 0 : 1;
} finally {
  await browser.close();
}
