import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addToBundle } from './artefacts/bundle.ts';
import { makeAuthority } from './phases/bus/certificates.ts';
import { contextDouble, exampleTestbed } from './phases/support/context-double.ts';
import { makeRecipe } from './recipe.ts';
import type { Phase, Step } from './run/phase.ts';

const assetsFolder = path.join(import.meta.dirname, '..', 'assets');
let folder: string;
let bundle: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'recipe-'));
  bundle = path.join(folder, 'bundle');
  const program = path.join(folder, 'program');
  await writeFile(program, '#!/bin/sh\n');
  for (const name of ['node', 'kubeadm', 'kubelet', 'kubectl', 'karmadactl', 'karmada-crds', 'nats-server', 'images']) {
    await addToBundle(bundle, { name, version: '1.0.0', arch: 'any', source: program });
  }
  await addToBundle(bundle, { name: 'kube-apiserver', version: '1.0.0', arch: 'any', source: program, double: 'stands in' });
  await mkdir(path.join(folder, 'dist', 'agents'), { recursive: true });
  for (const layer of ['node', 'cluster', 'continuum'])
    await writeFile(path.join(folder, 'dist', 'agents', `${layer}.mjs`), '// agent\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function allSteps(state: string, networks: string) {
  const testbed = exampleTestbed({ bundle });
  const { certificate } = await makeAuthority('Kubernetes', Date.now());
  const context = contextDouble(testbed, path.join(folder, state), (_host, script) => {
    if (script.includes('ca.crt')) return certificate;
    if (script.includes('get nodes')) return networks;
    // Every address that a member tries answers.
    const tried = [...script.matchAll(/echo (\d[\d.]+); fi/g)].map(([, address]) => address);
    return tried.length > 0 ? tried.join('\n') : 'apiVersion: v1\n';
  });
  await mkdir(context.stateFolder, { recursive: true });
  const recipe = makeRecipe({ distFolder: path.join(folder, 'dist'), assetsFolder, cacheFolder: path.join(folder, 'cache') });
  const found: { phase: Phase; host: string; step: Step }[] = [];
  for (const phase of recipe) {
    for (const host of testbed.hosts) {
      for (const step of await phase.steps(host, context)) found.push({ phase, host: host.name, step });
    }
  }
  return { recipe, testbed, context, found };
}

const nodeNetworks = 'management 10.10.0.0/24\nmaster-1 10.12.0.0/24\nworker-1 10.12.1.0/24\nworker-2 10.12.2.0/24\n';
const syntaxError = (shell: string): string => spawnSync('sh', ['-n'], { input: shell, encoding: 'utf8' }).stderr;

describe('the recipe', () => {
  /** One shell looks at many snippets, each of which must stand by itself; where it stumbles, each is looked at alone. */
  const wrongOf = (snippets: readonly { of: string; shell: string }[]): { of: string; error: string }[] => {
    const shells = [...new Set(snippets.map(({ shell }) => shell))];
    if (syntaxError(shells.map((shell) => `(\n${shell}\n)\n`).join('')) === '') return [];
    return snippets.map(({ of, shell }) => ({ of, error: syntaxError(shell) })).filter(({ error }) => error !== '');
  };

  it('is made of shell that parses, with and without a cluster to ask', async () => {
    for (const [state, networks] of [
      ['known', nodeNetworks],
      ['unknown', ''],
    ] as const) {
      const { found } = await allSteps(state, networks);
      const snippets: { of: string; shell: string }[] = [];
      for (const { phase, host, step } of found) {
        const of = `${phase.id} ${host} ${step.id}`;
        snippets.push({ of: `${of} observe`, shell: step.observe });
        for (const shell of Object.values(step.asks ?? {})) snippets.push({ of: `${of} asks`, shell });
        if (step.verify) snippets.push({ of: `${of} verify`, shell: step.verify });
        if (step.undo) snippets.push({ of: `${of} undo`, shell: step.undo });
        // Without networks this one waits for the cluster, and says so when it has none to wait for.
        if (step.id === 'pod-network' && networks === '') continue;
        snippets.push({ of: `${of} change`, shell: typeof step.change === 'string' ? step.change : await step.change() });
      }
      expect(snippets.length).toBeGreaterThan(300);
      expect(wrongOf(snippets)).toEqual([]);
    }
  });

  it('has shell that does not parse told by name', () => {
    const broken = { of: 'broken', shell: 'if true; then echo' };
    expect(wrongOf([{ of: 'whole', shell: ':' }, broken]).map(({ of }) => of)).toEqual(['broken']);
  });

  it('tells the same steps when nothing has changed, or a plan would never be carried out', async () => {
    const told = async () =>
      (await allSteps('twice', nodeNetworks)).found.map(({ phase, host, step }) => {
        const change = typeof step.change === 'string' ? step.change : null;
        return { phase: phase.id, host, id: step.id, asks: step.asks, observe: step.observe, verify: step.verify, change };
      });
    // The first one makes the keys that the others find.
    await told();
    expect(await told()).toEqual(await told());
  });

  it('has steps with ids of their own, and needs only phases that it has', async () => {
    const { recipe, testbed, found } = await allSteps('ids', nodeNetworks);
    for (const phase of recipe) {
      for (const host of testbed.hosts) {
        const ids = found.filter((one) => one.phase === phase && one.host === host.name).map(({ step }) => step.id);
        expect(new Set(ids).size, `${phase.id} ${host.name}`).toBe(ids.length);
        for (const need of phase.needs?.(host, testbed) ?? []) {
          const before = recipe.findIndex((other) => other.id === need.phase);
          expect(before, `${phase.id} needs ${need.phase}`).toBeGreaterThanOrEqual(0);
          expect(before).toBeLessThanOrEqual(recipe.indexOf(phase));
          expect(testbed.hosts.some((other) => other.name === need.host)).toBe(true);
        }
      }
    }
  });

  it('puts secrets into files of mode 0600 or 0640 alone, never into what is run', async () => {
    const { found, context } = await allSteps('secrets', nodeNetworks);
    const secrets: string[] = [];
    const shells: string[] = [];
    for (const { step } of found) {
      shells.push(...Object.values(step.asks ?? {}), step.observe, step.verify ?? '', step.undo ?? '');
      shells.push(typeof step.change === 'string' ? step.change : await step.change());
      if (step.id === 'smart-camera') continue;
      for (const file of (await step.files?.()) ?? []) {
        if (!('content' in file) || typeof file.content !== 'string') continue;
        if (file.secret) expect(['0600', '0640'], file.path).toContain(file.mode);
        if (/password|token/.test(file.path)) secrets.push(file.content);
        for (const [key] of file.content.matchAll(/-----BEGIN PRIVATE KEY-----[^-]+/g)) secrets.push(key);
        if (file.content.includes('PRIVATE KEY') || /"password"/.test(file.content)) expect(file.secret, file.path).toBe(true);
      }
    }
    expect(secrets.length).toBeGreaterThan(8);
    for (const secret of secrets) expect(shells.some((shell) => shell.includes(secret))).toBe(false);
    // The bootstrap token goes to the control plane only inside a script on stdin, into a file.
    expect(context.executed.some(({ script }) => script.includes('umask 077'))).toBe(true);
  });

  it('says what is missing when an agent was not built', async () => {
    const testbed = exampleTestbed({ bundle });
    const context = contextDouble(testbed, path.join(folder, 'unbuilt'));
    const recipe = makeRecipe({
      distFolder: path.join(folder, 'nowhere'),
      assetsFolder,
      cacheFolder: path.join(folder, 'cache'),
    });
    const steps = await recipe.find((phase) => phase.id === 'agents')!.steps(testbed.hosts[0]!, context);
    const program = steps.find((step) => step.id === 'program-node')!;
    await expect(program.files!()).rejects.toMatchObject({
      value: { code: 'artefact', remedy: expect.stringContaining('npm run build') },
    });
  });
});
