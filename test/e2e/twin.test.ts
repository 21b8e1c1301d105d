import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import AxeBuilder from 'axe-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, openBrowser } from './app.ts';
import { inBothThemes, livingAgents, openDecision, readyNodes, typeInTerminal, visit, waitUntil } from './steps.ts';

/** The same app in a browser, against the twin, by clicks alone. */
describe('a twin in the browser', () => {
  let app: App;
  beforeAll(async () => {
    app = await openBrowser();
  });
  afterAll(() => app?.close());

  it('is one click away, with four nodes and three kinds of agents', async () => {
    await inBothThemes(app.page, (theme) => app.screenshot(`start-${theme}`));
    await app.page.getByTestId('start-twin').click();
    await waitUntil(
      () => readyNodes(app.page),
      (nodes) => nodes.length === 4,
      30_000,
      'four ready nodes',
    );
    await waitUntil(
      () => livingAgents(app.page),
      (agents) => agents.continuum === 1 && (agents.cluster ?? 0) >= 1 && agents.node === 4,
      30_000,
      'living agents',
    );
    expect(await readyNodes(app.page)).toEqual(['management', 'master-1', 'worker-1', 'worker-2']);
    await visit(app.page, 'testbeds');
    await inBothThemes(app.page, (theme) => app.screenshot(`testbeds-${theme}`));
  });

  it('leads a new person to an explained decision, and then leaves them alone', async () => {
    const { page } = app;
    const next = page.getByTestId('tour-next');
    await next.click();
    await page.locator('[data-testid="tour-next"]:enabled').getByText('Show me why').click({ timeout: 60_000 });
    await page.getByTestId('decision-sentence').waitFor();
    await page.getByTestId('decision-lanes').waitFor();
    await app.screenshot('tour');
    await next.click();
    await next.click();
    await page.getByTestId('tour').waitFor({ state: 'detached' });
    await page.getByTestId('compare-policies').click();
    await page.getByTestId('compare').getByText('relocate-by-latency').first().waitFor();
    await inBothThemes(page, (theme) => app.screenshot(`compare-${theme}`));
    await page.getByTestId('compare-policies').click();
    await page.locator('.live').first().click();
  });

  it('explains why it moved the classifier, and lets one ask what if', async () => {
    const sentence = await openDecision(app.page, { act: true, text: /Moved classifier/ }, 60_000);
    expect(sentence).toMatch(/^Moved classifier from worker-\d to worker-\d, because .*\d+ ms/);
    await app.page.getByTestId('decision-waterfall').waitFor();
    await inBothThemes(app.page, (theme) => app.screenshot(`decision-${theme}`));
    const candidates = await app.page.getByTestId('decision-candidates').innerText();
    expect(candidates).toMatch(/Stay/);
    expect(candidates).toMatch(/Rejected/);

    const result = app.page.getByTestId('what-if-result');
    const before = await result.getAttribute('data-choice');
    const slider = app.page.getByTestId('what-if').getByRole('slider').first();
    await slider.focus();
    await app.page.keyboard.press('Home');
    await waitUntil(
      () => result.getAttribute('data-choice'),
      (choice) => choice !== before,
      5000,
      'another choice with the first premise at its least',
    );
  });

  it('also tells what it left, and why', async () => {
    const sentence = await openDecision(app.page, { act: false, text: /.+/ }, 60_000);
    expect(sentence).toMatch(/^(Left|Kept|Waited|Stayed)/);
  });

  it('finds decisions by what is told of them', async () => {
    const { page } = app;
    await visit(page, 'decisions');
    const rows = page.getByTestId('decision-row');
    const all = await rows.count();
    await page.getByTestId('decision-search').fill('moved classifier');
    const found = await rows.allInnerTexts();
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter((text) => !text.includes('Moved classifier'))).toEqual([]);
    await page.getByTestId('decision-search').fill('');
    await page.getByLabel('Policy', { exact: true }).selectOption('static-placement');
    await inBothThemes(page, (theme) => app.screenshot(`decisions-filtered-${theme}`));
    expect(await rows.count()).toBe(3);
    await page.getByLabel('Policy', { exact: true }).selectOption('');
    await waitUntil(
      () => rows.count(),
      (shown) => shown >= all,
      5000,
      'all decisions',
    );
  });

  it('shows telemetry that moves, marked as simulated', async () => {
    await visit(app.page, 'telemetry');
    const charts = app.page.locator('[data-testid^="chart-"] canvas');
    await waitUntil(
      () => charts.count(),
      (count) => count >= 4,
      20_000,
      'charts',
    );
    const text = () => app.page.locator('main').innerText();
    const before = await text();
    expect(before).toContain('simulated');
    await waitUntil(text, (now) => now !== before, 20_000, 'other values');
    await inBothThemes(app.page, (theme) => app.screenshot(`telemetry-${theme}`));
  });

  it('has a chart of any metric, and its readings as a table for elsewhere', async () => {
    const { page } = app;
    await visit(page, 'telemetry');
    await page.getByTestId('metrics').click();
    await page.getByLabel('Find a metric').fill('memory total');
    await page.getByTestId('metric-memory_total_bytes').check();
    await inBothThemes(page, (theme) => app.screenshot(`metrics-${theme}`));
    await page.keyboard.press('Escape');
    await page.getByTestId('chart-memory_total_bytes').waitFor();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('export-csv').click()]);
    const text = await readFile(await file.path(), 'utf8');
    expect(text).toMatch(/^time,metric,unit,node,component,application,source,value\r\n/);
    expect(text).toMatch(/,memory_total_bytes,bytes,worker-1,,,simulated,\d+/);
  });

  it('shows where everything runs', async () => {
    await visit(app.page, 'topology');
    await app.page.locator('[data-testid^="component-classifier-worker-"]').first().waitFor();
    await app.page.getByTestId('topology-search').fill('class');
    await app.page.keyboard.press('Enter');
    await app.page.getByTestId('inspector').getByText('classifier').first().waitFor();
    await app.page.getByTestId('zoom-out').click();
    await app.page.getByText('80 %').waitFor();
    await inBothThemes(app.page, (theme) => app.screenshot(`twin-topology-${theme}`));
    // The agents that act say so in their logs, too.
    await app.page.getByTestId('cluster-cluster1').click();
    await app.page.getByTestId('agent-log-cluster-cluster1').click();
    await app.page
      .getByTestId('agent-log-lines')
      .getByText(/classifier/)
      .first()
      .waitFor();
    await app.screenshot('agent-log');
  });

  it('takes an application that is written here, says what is wrong with it, and lets it go again', async () => {
    const { page } = app;
    await visit(page, 'applications');
    const verdict = page.getByTestId('verdict');
    await verdict.getByText('As it is deployed').waitFor({ timeout: 20_000 });
    const editor = page.getByTestId('editor');
    const text = await editor.innerText();
    expect(text).toContain('name: smart-camera');
    await inBothThemes(page, (theme) => app.screenshot(`applications-${theme}`));

    await page.getByTestId('new-application').click();
    await verdict.getByText('to mend').waitFor();
    const described = [
      'MLSysOpsApp:',
      '  name: hello',
      '  components:',
      '    - metadata:',
      '        name: hello',
      '      containers:',
    ];
    const container = [
      '        - image: hello:1',
      '          platform_requirements:',
      '            cpu:',
      '              requests: 10m',
    ];
    await editor.fill([...described, ...container, '      data_criticality: highest'].join('\n'));
    await page.locator('.editor .cm-lint-marker-error').first().waitFor();
    await editor.press('Control+End');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Control+Space');
    await page.locator('.editor .cm-tooltip-autocomplete').getByText('high', { exact: true }).first().waitFor();
    await page.keyboard.press('Enter');
    await verdict.getByText('hello can be deployed').waitFor();
    await page.getByTestId('deploy').click();
    await page.getByTestId('application-hello').waitFor({ timeout: 20_000 });
    await page.getByTestId('application-hello').click();

    await verdict.getByText('As it is deployed').waitFor({ timeout: 20_000 });
    await editor.press('Control+End');
    await page.keyboard.type('\ndata_sensitivity: true');
    await page.getByTestId('segment-changes').click();
    await page.locator('.editor .cm-changedLine').first().waitFor();
    await app.screenshot('application-changes');
    await page.getByTestId('remove-application').click();
    await page.getByTestId('dialog-confirm').click();
    await waitUntil(
      () => page.getByTestId('application-hello').count(),
      (shown) => shown === 0,
      30_000,
      'the end of the application',
    );
  });

  it('takes a policy that is written here: tried first, refused where it is wrong, then live', async () => {
    const { page } = app;
    await visit(page, 'policies');
    await page.getByTestId('policy-relocate-by-latency').waitFor({ timeout: 20_000 });
    await page.getByTestId('new-policy').click();
    const editor = page.getByTestId('editor');
    await editor.waitFor();
    const good = await editor.innerText();
    await editor.press('Control+Home');
    await page.keyboard.type('const = 1;\n');
    await page.getByTestId('policy-try').click();
    await page.getByTestId('policy-refusal').waitFor({ timeout: 40_000 });
    await page.locator('.editor .cm-lint-marker-error').first().waitFor();
    expect(good).toContain('ClusterPolicy');
    await editor.press('Control+Home');
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Delete');
    await page.getByTestId('policy-try').click();
    await page.getByTestId('policy-trial').waitFor({ timeout: 40_000 });
    await inBothThemes(page, (theme) => app.screenshot(`policies-${theme}`));
    await page.getByTestId('policy-live').click();
    await page.locator('[data-testid="policy-spread-load"][data-state="deciding"]').waitFor({ timeout: 40_000 });
    await page.getByRole('button', { name: 'Delete…' }).click();
    await page.getByTestId('dialog-confirm').click();
    await page.getByTestId('policy-spread-load').waitFor({ state: 'detached', timeout: 20_000 });
  });

  it('dry-runs the cluster without a policy, from its present state on, and says what was simulated', async () => {
    const { page } = app;
    await visit(page, 'policies');
    await page.getByTestId('policy-relocate-by-latency').click();
    const panel = page.getByTestId('dry-run');
    await panel.getByTestId('segment-without').click();
    await panel.getByLabel('Simulated time').selectOption('10');
    await panel.getByTestId('dry-run-start').click();
    const result = page.getByTestId('dry-run-result');
    await result.waitFor({ timeout: 180_000 });
    expect(await result.innerText()).toMatch(/classifier over 50 ms[\s\S]*What was decided[\s\S]*What was simulated/);
    await panel.evaluate((element) => element.scrollIntoView({ block: 'start' }));
    await inBothThemes(page, (theme) => app.screenshot(`dry-run-${theme}`));
  });

  it('tells what an agent has learnt to predict, and what came of decisions by it', async () => {
    const { page } = app;
    await visit(page, 'models');
    await page.locator('[data-testid^="model-relocate-by-latency/smart-camera/classifier"][data-state="predicting"]').click();
    expect(await page.getByTestId('model-places').innerText()).toMatch(/People in view[\s\S]*worker-\d/i);
    await page.getByTestId('model-decisions').getByText('Moved classifier').first().waitFor({ timeout: 20_000 });
    await page.locator('.predicted-actual .mark').first().waitFor({ timeout: 90_000 });
    await inBothThemes(page, (theme) => app.screenshot(`models-${theme}`));
    await page.getByTestId('model-decisions').getByText('Moved classifier').first().click();
    await page.getByTestId('decision-sentence').getByText('Moved classifier').waitFor();
    await page.locator('.live').first().click();
  });

  it('shows any moment of the past on every page', async () => {
    const { page } = app;
    await visit(page, 'topology');
    const move = page.locator('[data-testid^="time-mark-"][title*="Moved classifier"]').last();
    await move.dispatchEvent('click');
    await page.getByText(/as it was at/).waitFor();
    const title = (await move.getAttribute('title')) ?? '';
    const to = /to (worker-\d)/.exec(title)?.[1] ?? '';
    // When it was decided, it was still where it came from.
    await page.locator(`[data-testid^="component-classifier-worker-"]:not([data-testid$="${to}"])`).waitFor();
    await page.locator('.live').first().click();
    await page.getByText(/as it was at/).waitFor({ state: 'detached' });
  });

  it('gives a terminal on this computer', async () => {
    expect(await typeInTerminal(app.page, 'local', 'echo $((6*7))-answered', /42-answered/)).toContain('42-answered');
  });

  it('is found well by the diagnostics, which give an archive for whoever helps', async () => {
    const { page } = app;
    await visit(page, 'diagnostics');
    const twin = page.getByRole('region', { name: 'twin' });
    await twin.waitFor({ timeout: 20_000 });
    const text = await twin.innerText();
    expect(text).toContain('Everything is fine.');
    expect(text).toMatch(/agents\s+6 of 6 agents/);
    await inBothThemes(page, (theme) => app.screenshot(`diagnostics-${theme}`));
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('support').click()]);
    expect(file.suggestedFilename()).toMatch(/^mlsysops-support-.*\.tar\.gz$/);
    const archive = await file.path();
    const names = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' });
    for (const name of ['checks.txt', 'core.log', 'testbed.yaml', 'versions.json', 'runs/']) expect(names).toContain(name);
    const support = execFileSync('tar', ['-xzOf', archive], { encoding: 'utf8' });
    expect(support).toContain('serves');
    const token = (await readFile(join(app.dataFolder, 'core.token'), 'utf8')).trim();
    expect(token.length).toBeGreaterThan(10);
    expect(support).not.toContain(token);
  });

  it('keeps what is chosen in Settings, and says where a number does not fit', async () => {
    const { page } = app;
    await page.keyboard.press('Control+,');
    const setting = (name: string) => page.getByTestId(`setting-${name}`);
    await setting('theme').getByTestId('segment-dark').click();
    await page.locator('html[data-theme="dark"]').waitFor();
    await setting('motion').getByTestId('segment-reduced').click();
    await page.locator('html[data-motion="reduced"]').waitFor();
    const size = setting('terminalFontSize').getByRole('textbox');
    await size.fill('99');
    await setting('terminalFontSize').getByText('A whole number from 9 to 24.').waitFor();
    await size.fill('14');
    await size.press('Enter');
    const kept = async () => JSON.parse(await readFile(join(app.dataFolder, 'settings.json'), 'utf8'));
    await waitUntil(kept, ({ terminalFontSize }) => terminalFontSize === 14, 5000, 'the size of text, kept');
    expect(await kept()).toMatchObject({ theme: 'dark', motion: 'reduced', clock: 'local' });
    await setting('theme').getByTestId('segment-system').click();
    await waitUntil(kept, ({ theme }) => theme === 'system', 5000, 'the theme of the system');
    await inBothThemes(page, (theme) => app.screenshot(`settings-${theme}`));
  });

  it('hides nothing from assistive technology on any page', async () => {
    await app.page.evaluate(AxeBuilder.source);
    for (const page of [
      'testbeds',
      'topology',
      'telemetry',
      'decisions',
      'applications',
      'policies',
      'models',
      'terminals',
      'diagnostics',
      'settings',
    ]) {
      await visit(app.page, page);
      const found = await app.page.evaluate(async () => {
        const axe = (window as unknown as { axe: typeof AxeBuilder }).axe;
        const { violations } = await axe.run(document, { resultTypes: ['violations'] });
        return violations.map(
          (violation) => `${violation.id}: ${violation.nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`,
        );
      });
      expect({ page, found }).toEqual({ page, found: [] });
    }
  });

  it('is the same testbed for the command line', () => {
    const [decision] = JSON.parse(app.cli('decisions', 'list', 'twin', '--json')) as { sentence: string }[];
    expect(decision?.sentence).toMatch(/\w+/);
    const status = JSON.parse(app.cli('testbed', 'status', 'twin', '--json')) as {
      nodes: { ready: boolean }[];
      members: { name: string; ready: boolean }[];
    };
    expect(status.nodes.filter((node) => node.ready)).toHaveLength(4);
    expect(status.members).toEqual([{ name: 'cluster1', ready: true }]);
    expect(app.cli('testbed', 'kubeconfig', 'twin', '--cluster', 'cluster1')).toContain('certificate-authority-data');
  });
});
