import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addToBundle } from './artefacts/bundle.ts';
import { makeAuthority } from './phases/bus/certificates.ts';
import { contextDouble, exampleFacts, exampleTestbed } from './phases/support/context-double.ts';
import { quote } from './phases/support/shell.ts';
import { makeRecipe } from './recipe.ts';
import { Failure } from './run/failure.ts';
import type { RunContext } from './run/phase.ts';
import type { Testbed } from './testbed/schema.ts';

/** Ends a quotation of either kind, and would run as root were it ever not data. The word in the middle is looked for in every script. */
const hostile = `x'"; touch /tmp/canary \`canary\` $(canary) #`;
const word = /canary/g;

/** Where in POSIX shell the word stands outside of single quotes: there it is code, or open to expansion. */
function unquotedIn(shell: string): string[] {
  const found: string[] = [];
  const lines = shell.replace(/\/bin\/sh -eu <<'END_OF_CHANGE'|^END_OF_CHANGE$/gm, '');
  let inside = false;
  let quoted = '';
  for (let at = 0; at < lines.length; at++) {
    const sign = lines[at];
    if (!inside && sign === '\\') at++;
    else if (!inside && sign === '#' && /(^|\s)$/.test(lines.slice(Math.max(0, at - 1), at)))
      at = Math.max(at, lines.indexOf('\n', at));
    else if (!inside && sign === '"') quoted = quoted === '"' ? '' : '"';
    else if (sign === "'" && quoted === '') inside = !inside;
    else if (!inside && lines.startsWith('canary', at)) found.push(lines.slice(Math.max(0, at - 60), at + 20));
  }
  if (inside || quoted !== '') found.push(`never closed: ${lines.slice(-80)}`);
  return found;
}

const assetsFolder = path.join(import.meta.dirname, '..', 'assets');
let folder: string;
let bundle: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hostile-'));
  bundle = path.join(folder, 'bundle');
  const program = path.join(folder, 'program');
  await writeFile(program, '#!/bin/sh\n');
  for (const name of ['node', 'kubeadm', 'kubelet', 'kubectl', 'karmadactl', 'karmada-crds', 'nats-server', 'images'])
    await addToBundle(bundle, { name, version: '1.0.0', arch: 'any', source: program });
  await mkdir(path.join(folder, 'dist', 'agents'), { recursive: true });
  for (const layer of ['node', 'cluster', 'continuum'])
    await writeFile(path.join(folder, 'dist', 'agents', `${layer}.mjs`), '// agent\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Every shell of every step that can be made, and what the others were refused with. */
async function shellsOf(
  testbed: Testbed,
  name: string,
  answers: (script: string) => string,
  shape: (context: RunContext) => void,
) {
  const { certificate } = await makeAuthority('Kubernetes', Date.now());
  const context = contextDouble(testbed, path.join(folder, name), (_host, script) =>
    script.includes('ca.crt') ? certificate : answers(script),
  );
  shape(context);
  await mkdir(context.stateFolder, { recursive: true });
  const recipe = makeRecipe({ distFolder: path.join(folder, 'dist'), assetsFolder, cacheFolder: path.join(folder, 'cache') });
  const shells: string[] = [];
  const refusals: unknown[] = [];
  for (const phase of recipe) {
    for (const host of testbed.hosts) {
      const steps = await Promise.resolve(phase.steps(host, context)).catch((error: unknown) => {
        refusals.push(error);
        return [];
      });
      for (const step of steps) {
        shells.push(...Object.values(step.asks ?? {}), step.observe, step.verify ?? '', step.undo ?? '');
        try {
          shells.push(typeof step.change === 'string' ? step.change : await step.change());
          for (const file of (await step.files?.()) ?? []) {
            if ('content' in file && typeof file.content === 'string' && file.content.startsWith('#!/bin/sh'))
              shells.push(file.content);
          }
        } catch (error) {
          refusals.push(error);
        }
      }
    }
  }
  shells.push(...context.executed.map(({ script }) => script));
  return { shells, refusals };
}

const networks = 'management 10.10.0.0/24\nmaster-1 10.12.0.0/24\nworker-1 10.12.1.0/24\nworker-2 10.12.2.0/24\n';
const cases: {
  of: string;
  testbed?: (testbed: Testbed) => Testbed;
  answers?: (script: string) => string;
  shape?: (context: RunContext) => void;
}[] = [
  { of: "a host's labels", testbed: everyHost({ labels: { site: hostile, [hostile]: 'roof' } }) },
  { of: "a host's address", testbed: everyHost({ address: hostile }) },
  { of: "a host's user", testbed: everyHost({ user: hostile }) },
  {
    of: 'overrides of kubeadm and kubelet',
    testbed: (testbed) => ({
      ...testbed,
      kubernetes: {
        ...testbed.kubernetes,
        kubeadmOverrides: { clusterName: hostile, [hostile]: hostile },
        kubeletOverrides: { providerID: hostile },
        ignorePreflightErrors: [hostile],
      },
    }),
  },
  {
    of: 'what the cluster says of its nodes',
    answers: (script) =>
      script.includes('get nodes') ? networks.replaceAll('.0/24', `.0/24;${hostile.replaceAll(' ', '\t')}`) : hostile,
  },
  {
    of: 'what hosts say of themselves',
    shape: (context) => {
      for (const host of context.testbed.hosts)
        context.facts.set(
          host.name,
          exampleFacts(host, {
            hostname: hostile,
            os: { id: hostile, version: hostile, pretty: hostile },
            kernel: hostile,
            cpuModel: hostile,
            container: hostile,
            addresses: [`10.77.0.99;${hostile}`, hostile],
            listening: [{ port: 1, process: hostile }],
          }),
        );
    },
  },
];

function everyHost(over: Partial<Testbed['hosts'][number]>) {
  return (testbed: Testbed): Testbed => ({ ...testbed, hosts: testbed.hosts.map((host) => ({ ...host, ...over })) });
}

describe('values in scripts that run as root', () => {
  it('are seen by this test when they are code', () => {
    expect(unquotedIn(`echo ${quote(hostile)}`)).toEqual([]);
    for (const bad of [`echo ${hostile}`, `echo "${hostile}"`, `echo '${hostile}'`, `x=$(echo canary)`]) {
      expect(unquotedIn(bad), bad).not.toEqual([]);
    }
    expect(hostile).toMatch(word);
  });

  it.each(cases)('$of travel as data, or are refused', async ({ of, testbed = (same) => same, answers, shape }) => {
    const { shells, refusals } = await shellsOf(
      testbed(exampleTestbed({ bundle })),
      of.replaceAll(/\W/g, '-'),
      answers ?? ((script) => (script.includes('get nodes') ? networks : 'apiVersion: v1\n')),
      shape ?? (() => {}),
    );
    expect(shells.length).toBeGreaterThan(100);
    expect([...new Set(shells.flatMap(unquotedIn))]).toEqual([]);
    // What is refused is refused with a sentence, not by a crash.
    for (const refusal of refusals) expect(refusal).toBeInstanceOf(Failure);
  });
});
