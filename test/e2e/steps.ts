import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Waits until something on the page holds; polls, and says what it saw last when it never does. */
export async function waitUntil<T>(
  read: () => Promise<T>,
  holds: (value: T) => boolean,
  timeoutMs: number,
  what: string,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: T | undefined;
  while (Date.now() < deadline) {
    last = await read();
    if (holds(last)) return last;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not within ${timeoutMs / 1000} s; last seen: ${JSON.stringify(last)}`);
}

export const visit = (page: Page, name: string): Promise<void> => page.getByTestId(`nav-${name}`).click();

/** Living agents of each layer, as the topology page counts them. */
export async function livingAgents(page: Page): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const layer of ['continuum', 'cluster', 'node']) {
    counts[layer] = Number(await page.getByTestId(`agents-${layer}`).getAttribute('data-alive'));
  }
  return counts;
}

/** Names of the nodes that the topology shows as ready. */
export async function readyNodes(page: Page): Promise<string[]> {
  const found = await page
    .locator('[data-testid^="node-"][data-ready="true"]')
    .evaluateAll((elements) => elements.map((element) => element.getAttribute('data-testid') ?? ''));
  return found.map((id) => id.replace('node-', '')).sort();
}

/** Opens a terminal on a host by a click, types a command and gives what the terminal then shows. */
export async function typeInTerminal(page: Page, host: string, command: string, until: RegExp): Promise<string> {
  await visit(page, 'terminals');
  await page.getByTestId(`terminal-open-${host}`).first().click();
  const terminal = page.locator(`[data-testid="terminal"][data-host="${host}"]`).last();
  const read = () => terminal.locator('.xterm-accessibility').innerText();
  await waitUntil(read, (shown) => /[$#]\s*$/m.test(shown), 20_000, `a prompt of ${host}`);
  await terminal.click();
  await page.keyboard.type(`${command}\n`);
  return waitUntil(read, (shown) => until.test(shown), 20_000, `the answer to "${command}" on ${host}`);
}

/** The newest decision of the list that fits, opened; its sentence. */
export async function openDecision(page: Page, which: { act?: boolean; text: RegExp }, timeoutMs: number): Promise<string> {
  await visit(page, 'decisions');
  const rows = page
    .locator(`[data-testid="decision-row"]${which.act === undefined ? '' : `[data-act="${which.act}"]`}`)
    .filter({ hasText: which.text });
  await waitUntil(
    () => rows.count(),
    (count) => count > 0,
    timeoutMs,
    `a decision like ${which.text}`,
  );
  await rows.first().click();
  const sentence = await page.getByTestId('decision-sentence').innerText();
  expect(sentence.length).toBeGreaterThan(20);
  return sentence;
}

export async function inBothThemes(page: Page, take: (theme: string) => Promise<void>): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    // Without motion, no colour is on its way to another.
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await page.evaluate((name) => document.documentElement.setAttribute('data-theme', name), theme);
    // One frame, so that canvases have taken the new colours.
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    await take(theme);
  }
}
