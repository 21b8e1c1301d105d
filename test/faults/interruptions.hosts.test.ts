import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawText } from '../../agents/build/raw-text.mjs';
import type { RunEvent } from '../../provisioning/run/events.ts';
import { startRun } from '../../provisioning/run/run.ts';
import { KnownHosts } from '../../provisioning/ssh/known-hosts.ts';
import { SshPool } from '../../provisioning/ssh/pool.ts';
import { type Testbed, testbedSchema } from '../../provisioning/testbed/schema.ts';
import { makeDoublesBundle } from '../doubles/bundle.ts';
import { root, useHosts } from '../hosts/fixture.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';
import { seeded } from './interruptions/random.ts';
import { recipes } from './interruptions/recipes.ts';

/**
 * Rounds: 25, or as many as one wants, e.g. 1000. The seed is printed; the same one gives the same interruptions. INTERRUPTIONS_RECIPE=whole
 * interrupts the true recipe, with doubles of the server binaries.
 */
const recipeName = process.env.INTERRUPTIONS_RECIPE === 'whole' ? 'whole' : 'small';
const recipe = recipes[recipeName];
const rounds = Number(process.env.INTERRUPTIONS ?? 25);
const seed = Number(process.env.INTERRUPTIONS_SEED ?? randomInt(2 ** 31));
const random = seeded(seed);

// biome-ignore lint/correctness/useHookAtTopLevel: a fixture of tests, not a hook of React
const fixture = useHosts(['management', 'master-1']);
const names = ['management', 'master-1'];
const proxies = new Map<string, CuttingProxy>();
const knownHosts = new KnownHosts(fixture.knownHostsFile);
const ssh = { knownHosts, agent: null };
const pool = new SshPool(ssh);
const stateFolder = join(fixture.folder, 'state');
const largeFile = join(fixture.folder, 'large');
const bundle = join(fixture.folder, 'bundle');
const phases = () => recipe.phases({ largeFile, root });
const child = join(root, 'dist', `interrupted-${process.pid}.mjs`);
const owner = 'tester@here';

const testbedBy = (way: (name: string) => { address: string; port: number }): Testbed =>
  testbedSchema.parse({
    name: 'lab',
    kind: 'hosts',
    hosts: names.map((name) => ({
      name,
      ...way(name),
      user: fixture.host(name).user,
      identityFile: fixture.identityFile,
      role: name === 'management' ? 'management' : 'master',
      cluster: name === 'management' ? 'management' : 'cluster1',
    })),
    clusters: {
      management: { podCidr: '10.210.0.0/16', serviceCidr: '10.211.0.0/16' },
      cluster1: { podCidr: '10.212.0.0/16', serviceCidr: '10.213.0.0/16' },
    },
    ...(recipeName === 'whole' ? { artefacts: { bundle } } : {}),
  });
const throughProxies = () => testbedBy((name) => ({ address: '127.0.0.1', port: proxies.get(name)!.port }));
const directly = () => testbedBy((name) => ({ address: fixture.host(name).address, port: fixture.host(name).port }));
/** On every host, past the proxies. */
const everywhere = (script: string) =>
  Promise.all(directly().hosts.map(async (host) => (await pool.execute(host, script, { timeoutMs: 30_000 })).stdout.trim()));

async function run(verb: 'up' | 'down', onEach: (event: RunEvent, count: number) => void = () => {}) {
  const failures: string[] = [];
  let count = 0;
  const finished = await startRun({
    testbed: throughProxies(),
    phases: phases(),
    verb,
    ssh,
    stateFolder,
    lease: { owner },
    onEvent: (event) => {
      if (event.type === 'failure') failures.push(event.failure.message);
      onEach(event, ++count);
    },
  });
  return { state: finished.state, failures };
}

/** A run in a process of its own that is killed at an event, or put to sleep for a while; gives whether it was done. */
function runApart(verb: 'up' | 'down', at: number, kind: 'kill' | 'sleep', onEach: (event: RunEvent) => void): Promise<boolean> {
  const { knownHostsFile: knownHosts } = fixture;
  const options = { testbed: throughProxies(), verb, recipe: recipeName, knownHosts, stateFolder, largeFile, root, owner };
  const process = spawn(globalThis.process.execPath, [child, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let count = 0;
  createInterface({ input: process.stdout }).on('line', (line) => {
    onEach(JSON.parse(line) as RunEvent);
    if (++count !== at) return;
    process.kill(kind === 'kill' ? 'SIGKILL' : 'SIGSTOP');
    // How long it sleeps is what is tried here, not something that is waited for.
    if (kind === 'sleep') setTimeout(() => process.kill('SIGCONT'), 700);
  });
  return new Promise((resolve) => process.once('close', (code) => resolve(code === 0)));
}

const kinds = ['kill', 'kill', 'kill', 'sleep', 'cut', 'cut', 'cut', 'power-cut'] as const;

describe(`${rounds} random interruptions`, () => {
  beforeAll(async () => {
    writeFileSync(largeFile, randomBytes(700_000));
    if (recipeName === 'whole') await makeDoublesBundle(bundle);
    for (const name of names) {
      const { address, port, hostKeys } = fixture.host(name);
      const proxy = await startCuttingProxy(address, port);
      proxies.set(name, proxy);
      for (const key of hostKeys) await knownHosts.add('127.0.0.1', proxy.port, Buffer.from(key.split(' ')[1] ?? '', 'base64'));
    }
    await build({
      entryPoints: [join(root, 'test/faults/interruptions/child.ts')],
      outfile: child,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      plugins: [rawText],
      logLevel: 'error',
    });
  });
  afterAll(async () => {
    rmSync(child, { force: true });
    await pool.close();
    for (const proxy of proxies.values()) await proxy.close();
  });

  it('each end in a verified testbed after at most one more "up"; nothing is applied twice, no lease is left', {
    timeout: Math.max(240_000, rounds * 30_000),
  }, async () => {
    process.stdout.write(`seed: INTERRUPTIONS_SEED=${seed}\n`);
    const startedAt = performance.now();
    const told: Record<string, number> = {};
    for (let round = 1; round <= rounds; round++) {
      const kind = kinds[Math.floor(random() * kinds.length)]!;
      const verb = random() < 0.7 ? 'up' : 'down';
      const at = 1 + Math.floor(random() ** 1.5 * recipe.events);
      const victim = names[Math.floor(random() * names.length)]!;
      const what = `round ${round}: ${kind} of ${victim} at event ${at} of "${verb}" (seed ${seed})`;
      if (verb === 'up' && recipe.clear !== null) await everywhere(recipe.clear);
      else if (verb === 'up' && round > 1) expect(await run('down'), what).toEqual({ state: 'done', failures: [] });
      let done: boolean;
      let back: Promise<unknown> = Promise.resolve();
      const madeOn = new Set<string>();
      const hear = (event: RunEvent) => {
        if (event.type === 'step' && event.step === recipe.once?.step && event.state === 'changed') madeOn.add(event.host);
      };
      if (kind === 'kill' || kind === 'sleep') {
        done = await runApart(verb, at, kind, hear);
        if (kind === 'sleep') expect(done, what).toBe(true);
      } else {
        let interrupted = false;
        const outcome = await run(verb, (event, count) => {
          hear(event);
          if (count !== at || interrupted) return;
          interrupted = true;
          if (kind === 'cut') proxies.get(victim)!.cut();
          else
            back = fixture.controls.powerCut(fixture.testbed, victim).then(() => fixture.controls.start(fixture.testbed, victim));
        });
        done = outcome.state === 'done';
        // A pause is no error: what was connected once is waited for.
        if (verb === 'up' && at > 12 && kind === 'cut') expect(outcome.failures, what).toEqual([]);
      }
      await back;
      const made = recipe.once === undefined ? [] : await everywhere(`${recipe.once.look}; :`);
      if (!done || verb === 'down') {
        const again = await run('up');
        expect(again, what).toEqual({ state: 'done', failures: [] });
        told.again = (told.again ?? 0) + 1;
      }
      told[kind] = (told[kind] ?? 0) + 1;
      const [one = '', other = ''] = await everywhere(recipe.look);
      expect(recipe.isInPlace(one, other), what).toBe(null);
      if (recipe.once === undefined) continue;
      const still = await everywhere(recipe.once.look);
      const kept = (all: string[]) => all.filter((_, index) => verb === 'up' && madeOn.has(names[index]!));
      expect(kept(still), what).toEqual(kept(made));
    }
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    process.stdout.write(`${rounds} interruptions in ${seconds} s: ${JSON.stringify(told)}\n`);
  });
});
