import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, stdout } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { openBrowser } from '../e2e/app.ts';
import { waitUntil } from '../e2e/steps.ts';

/**
 * Shells of the window, as they are seen, in Chromium without a GPU: how fast a flood goes through to the buffer of the terminal, how soon Ctrl-C ends
 * one, and how the frames come while four are flooded. The peer
 * of the frames is the same page idle; that of the flood is "terminal", beside OpenSSH, without what is drawn. `npm run bench -- panes [megabytes]`.
 */
const megabytes = Number(argv[2] ?? 200);
const targets = { megabytesPerSecond: 30, interruptMs: 100, frameP95Ms: 32 };
const interrupts = 5;
const floodedMs = 10_000;
const say = (text: string) => stdout.write(`${text}\n`);
let good = true;
const judge = (fits: boolean, text: string) => {
  good &&= fits;
  say(`${fits ? '✓' : '✗'} ${text}`);
};

const line = `${'The quick brown fox jumps over the lazy dog. '.repeat(2).slice(0, 79)}\n`;

/** Longest that anything is waited for: then the bench says what it waited for, and ends. */
const longestMs = 120_000;

/** Waits in the page, where nothing of the driver is in between, until a terminal has drawn this; ms by the page's clock. */
const shownAt = (page: Page, index: number, text: string): Promise<number> =>
  page.evaluate(
    async ([at, wanted, until]) => {
      const end = performance.now() + until;
      // What is drawn (the text for screen readers comes after a flood).
      const rows = () => document.querySelectorAll('[data-testid="terminal"] .xterm-rows')[at];
      while (!rows()?.textContent?.includes(wanted)) {
        if (performance.now() > end) throw new Error(`${wanted} was not drawn within ${until} ms`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return performance.now();
    },
    [index, text, longestMs] as const,
  );
const now = (page: Page) => page.evaluate(() => performance.now());

/** From when the page was told of the key until what came of it was drawn, ms. */
async function interruptedAfter(page: Page, index: number): Promise<number> {
  await page.evaluate(() =>
    document.addEventListener('keydown', (event) => document.body.setAttribute('data-pressed', String(event.timeStamp)), {
      capture: true,
    }),
  );
  await page.keyboard.press('Control+c');
  const shown = await shownAt(page, index, '^C');
  return shown - Number(await page.evaluate(() => document.body.getAttribute('data-pressed')));
}

const framesOf = (page: Page, forMs: number): Promise<{ p95: number; fps: number }> =>
  page.evaluate(
    (ms) =>
      new Promise<{ p95: number; fps: number }>((resolve) => {
        const gaps: number[] = [];
        let last = performance.now();
        const begun = last;
        const turn = (at: number) => {
          gaps.push(at - last);
          last = at;
          if (at - begun < ms) {
            requestAnimationFrame(turn);
            return;
          }
          gaps.sort((a, b) => a - b);
          resolve({ p95: gaps[Math.floor(gaps.length * 0.95)] ?? 0, fps: (1000 * gaps.length) / (at - begun) });
        };
        requestAnimationFrame(turn);
      }),
    forMs,
  );

const folder = mkdtempSync(join(tmpdir(), 'mls-bench-panes-'));
// A prompt of its own, and nothing else of this user.
const app = await openBrowser({ SHELL: '/bin/sh', PS1: '$ ', HOME: folder });
try {
  const { page } = app;
  const file = join(folder, 'flood.txt');
  writeFileSync(file, line.repeat(Math.ceil((megabytes * 1e6) / line.length)));
  await page.getByTestId('nav-terminals').click();
  const open = async (index: number) => {
    await page.getByTestId('terminal-open-local').click();
    await waitUntil(
      () => page.locator('[data-testid="terminal"]').count(),
      (count) => count === index + 1,
      20_000,
      'a terminal',
    );
    await shownAt(page, index, '$');
  };
  const type = async (index: number, text: string) => {
    await page.locator('[data-testid="terminal"]').nth(index).click();
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
  };
  await open(0);
  // Once to warm up; what is typed does not hold what it answers with.
  await type(0, `head -c 5000000 ${file}; echo warm-$((40+2))`);
  await shownAt(page, 0, 'warm-42');
  const begun = await now(page);
  await type(0, `clear; cat ${file}; echo end-$((40+2))`);
  const seconds = ((await shownAt(page, 0, 'end-42')) - begun) / 1000;
  const rate = megabytes / seconds;
  judge(
    rate >= targets.megabytesPerSecond,
    `${megabytes} MB through to the buffer at ${rate.toFixed(1)} MB/s (target: at least ${targets.megabytesPerSecond} MB/s)`,
  );

  const waits: number[] = [];
  for (let round = 0; round < interrupts; round++) {
    await type(0, 'clear; yes flood');
    await shownAt(page, 0, 'flood');
    await delay(500);
    waits.push(await interruptedAfter(page, 0));
  }
  judge(
    Math.max(...waits) < targets.interruptMs,
    `Ctrl-C under a flood, seen after ${waits.map((wait) => wait.toFixed(0)).join(' ')} ms (target: below ${targets.interruptMs} ms)`,
  );

  const idle = await framesOf(page, 3000);
  await page.getByTestId('segment-4').click();
  for (const index of [1, 2, 3]) await open(index);
  for (const index of [0, 1, 2, 3]) await type(index, 'yes "$(seq -s " " 20)"');
  await delay(1000);
  const flooded = await framesOf(page, floodedMs);
  judge(
    flooded.p95 < targets.frameP95Ms,
    `four flooded shells: ${flooded.fps.toFixed(0)} frames a second, p95 ${flooded.p95.toFixed(0)} ms between two; idle ${idle.fps.toFixed(0)} and ${idle.p95.toFixed(0)} ms; ratio ${(flooded.p95 / idle.p95).toFixed(1)} (target: p95 below ${targets.frameP95Ms} ms)`,
  );
} finally {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = good ? 0 : 1;
