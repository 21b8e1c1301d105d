import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import type { Frames } from './topology-page.ts';

/**
 * The topology of many nodes, beside a plain d3-SVG drawing of the same cells, in Chromium without a GPU: frames a second while it is dragged,
 * and while every node changes with every frame (a testbed changes once a second). `npm run bench -- topology [nodes]`.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const nodes = Number(process.argv[2] ?? 10_000);
const forMs = 4000;
/** Drawn by software. */
const target = 20;

type Measured = { pan: Frames; update: Frames };
const say = (text: string) => stdout.write(`${text}\n`);

const bundled = await build({
  absWorkingDir: root,
  entryPoints: ['test/bench/topology-page.ts'],
  bundle: true,
  write: false,
  format: 'iife',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
});
const styles = ['tokens', 'base', 'topology'].map((name) => readFileSync(join(root, 'renderer', 'style', `${name}.css`), 'utf8'));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});
let good = true;
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  await page.setContent(
    `<style>${styles.join('\n')} #root, .canvas-frame { height: 720px; display: grid }</style><div id="root"></div>`,
  );
  await page.addScriptTag({ content: bundled.outputFiles[0]!.text });
  const measure = (name: 'ours' | 'd3Svg') =>
    page.evaluate(
      ([which, count, ms]) =>
        (window as unknown as { bench: Record<string, (count: number, ms: number) => Promise<Measured>> }).bench[which]!(
          count,
          ms,
        ),
      [name, nodes, forMs] as const,
    );
  const ours = await measure('ours');
  const peer = await measure('d3Svg');
  for (const what of ['pan', 'update'] as const) {
    const [a, b] = [ours[what], peer[what]];
    good &&= a.fps >= target;
    say(
      `${nodes} nodes, ${what === 'pan' ? 'dragged' : 'all changed every frame'}: ${a.fps.toFixed(1)} fps, p95 ${a.p95Ms.toFixed(0)} ms; d3-SVG ${b.fps.toFixed(1)} fps, p95 ${b.p95Ms.toFixed(0)} ms; ${(a.fps / b.fps).toFixed(1)} × (target: ${target} fps by software)`,
    );
  }
} finally {
  await browser.close();
}
process.exitCode = good ? 0 : 1;
