import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalHosts } from '../../provisioning/local-hosts/local-hosts.ts';
import { makeDoublesBundle } from '../doubles/bundle.ts';
import { helperPath } from '../hosts/fixture.ts';
import { type App, openElectron, root } from './app.ts';
import { inBothThemes, livingAgents, openDecision, readyNodes, typeInTerminal, visit, waitUntil } from './steps.ts';

/** Busy loops that a host with one core cannot serve along with the application; they end by themselves. */
const load = "for i in 1 2 3 4 5 6; do timeout 90 sh -c 'while :; do :; done' & done; echo load-is-on";

/** The proof: in real Electron, by clicks alone, from nothing to an explained decision on four real hosts. */
describe('four real hosts in Electron', () => {
  let app: App;
  let bundle: string;
  beforeAll(async () => {
    bundle = mkdtempSync(join(tmpdir(), 'mlsysops-bundle-'));
    await makeDoublesBundle(bundle);
    app = await openElectron({ MLSYSOPS_BUNDLE: bundle });
  });
  afterAll(async () => {
    try {
      await app?.close();
    } finally {
      await new LocalHosts({ helper: helperPath }).destroy('local');
      rmSync(bundle, { recursive: true, force: true });
    }
  });

  it('are created and provisioned, phase by phase', async () => {
    const { page } = app;
    await page.getByTestId('create-local').click();
    await page.getByTestId('run-up').click();
    const state = () => page.getByTestId('run-state').innerText();
    await waitUntil(
      () => page.getByTestId('run-matrix').count(),
      (count) => count > 0,
      90_000,
      'the matrix of hosts and phases',
    );
    await waitUntil(
      () => page.getByTestId('run-matrix').innerText(),
      (shown) => /Karmada/.test(shown),
      60_000,
      'the phases',
    );
    await inBothThemes(page, (theme) => app.screenshot(`run-${theme}`));
    const sentence = () => page.getByTestId('page-sentence').innerText();
    await page.getByTestId('run-pause').click();
    await waitUntil(sentence, (now) => /^Paused/.test(now), 20_000, 'a run that is paused');
    await page.getByTestId('run-pause').click();
    await waitUntil(sentence, (now) => !/^Paused/.test(now), 20_000, 'a run that goes on');
    const end = await waitUntil(state, (now) => ['done', 'failed', 'cancelled'].includes(now), 200_000, 'the end of the run');
    const failure = end === 'done' ? '' : await page.locator('main').innerText();
    expect({ end, failure }).toEqual({ end: 'done', failure: '' });
    await app.screenshot('run-done');
  });

  it('are four nodes with three kinds of living agents, labelled as running on doubles', async () => {
    const { page } = app;
    await visit(page, 'topology');
    await waitUntil(
      () => readyNodes(page),
      (nodes) => nodes.length === 4,
      60_000,
      'four ready nodes',
    );
    await waitUntil(
      () => livingAgents(page),
      (agents) => agents.continuum === 1 && (agents.cluster ?? 0) >= 1 && agents.node === 4,
      60_000,
      'living agents',
    );
    expect(await page.getByTestId('doubles-badge').first().innerText()).toMatch(/double/i);
  });

  it('run an application, and show its load live', async () => {
    const { page } = app;
    // As a researcher would: the command line, in the app's own terminal.
    const sample = join(root, 'assets', 'applications', 'smart-camera.yaml');
    const deploy = `${process.execPath} ${join(root, 'main', 'cli', 'bin.mjs')} apps deploy-app --testbed local --path ${sample}`;
    await typeInTerminal(page, 'local', deploy, /smart-camera was accepted/);
    await visit(page, 'topology');
    const classifier = page.locator('[data-testid^="component-classifier-"][data-state="running"]');
    await waitUntil(
      () => classifier.count(),
      (count) => count === 1,
      60_000,
      'a running classifier',
    );
    const host = ((await classifier.first().getAttribute('data-testid')) ?? '').replace('component-classifier-', '');
    expect(host).toMatch(/^worker-[12]$/);

    const cpu = async () =>
      Number(/CPU (\d+)/.exec((await page.getByTestId(`node-${host}`).getAttribute('aria-label')) ?? '')?.[1] ?? -1);
    const idle = await waitUntil(cpu, (value) => value >= 0, 20_000, `CPU of ${host}`);
    await typeInTerminal(page, host, load, /load-is-on\s*$/m);
    await visit(page, 'topology');
    await waitUntil(cpu, (value) => value >= idle + 30, 30_000, `CPU of ${host} under load`);
  });

  it('decide, and say why', async () => {
    const sentence = await openDecision(app.page, { act: true, text: /Moved classifier/ }, 120_000);
    expect(sentence).toMatch(/^Moved classifier from worker-\d to worker-\d, because .*\d+ ms/);
    await app.screenshot('decision-on-hosts');
    await visit(app.page, 'topology');
    await inBothThemes(app.page, (theme) => app.screenshot(`topology-${theme}`));
  });

  it('answer in a terminal', async () => {
    expect(await typeInTerminal(app.page, 'worker-2', 'hostname', /^worker-2\s*$/m)).toMatch(/^worker-2\s*$/m);
    await app.screenshot('terminal-light');
  });

  it('answer all at once, and are kubectl’s clusters in a shell on this computer', async () => {
    const { page } = app;
    await page.getByTestId('terminal-all').click();
    await page.getByTestId('terminal-broadcast').click();
    const hosts = ['management', 'master-1', 'worker-1', 'worker-2'];
    const textOf = (host: string) =>
      page.locator(`[data-testid="terminal"][data-host="${host}"]`).last().locator('.xterm-accessibility');
    for (const host of hosts)
      await waitUntil(
        () => textOf(host).innerText(),
        (text) => /[$#]\s*$/m.test(text),
        20_000,
        `a prompt of ${host}`,
      );
    await page.locator('[data-testid="terminal"][data-host="worker-1"]').last().click();
    await page.keyboard.type('echo here is $(hostname)\n');
    for (const host of hosts)
      await waitUntil(
        () => textOf(host).innerText(),
        (text) => text.includes(`here is ${host}`),
        20_000,
        `the answer of ${host}`,
      );
    await inBothThemes(page, (theme) => app.screenshot(`terminals-${theme}`));
    await page.getByTestId('terminal-broadcast').click();
    await page.getByTestId('segment-1').click();
    const contexts = await typeInTerminal(
      page,
      'local',
      'kubectl config get-contexts -o name; mlsysops-cli testbed list',
      /local\s+local/,
    );
    for (const cluster of ['cluster1', 'management', 'karmada']) expect(contexts).toContain(cluster);

    // A shell of one cluster says so in its prompt, and kubectl in it speaks with that one.
    await page.getByTestId('kubectl-open-management').click();
    const kubectl = page.locator('[data-testid="terminal"][data-host="local"]').last();
    const shown = () => kubectl.locator('.xterm-accessibility').innerText();
    await waitUntil(shown, (text) => /\(local\/management\) /.test(text), 20_000, 'a prompt that names the cluster');
    await kubectl.click();
    await page.keyboard.type('kubectl get nodes -o name\n');
    await waitUntil(shown, (text) => /node\/management\s*$/m.test(text), 20_000, 'the nodes of that cluster');
  });
});
