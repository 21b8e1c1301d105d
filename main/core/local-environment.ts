import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { quote } from '../../provisioning/ssh/quote.ts';

const kubeconfigSchema = z.object({
  clusters: z.array(z.object({ cluster: z.record(z.string(), z.unknown()) })).min(1),
  users: z.array(z.object({ user: z.record(z.string(), z.unknown()) })).min(1),
});

/**
 * One kubeconfig of several, with a context for each of its names; the first is the current one.
 * @param kubeconfigs texts of kubeconfigs that speak of one cluster each
 * @throws z.ZodError, YAMLError for a text that is none
 */
export function mergeKubeconfigs(kubeconfigs: Readonly<Record<string, string>>): string {
  const parsed = Object.entries(kubeconfigs).map(([name, text]) => ({ name, ...kubeconfigSchema.parse(parse(text)) }));
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: parsed.map(({ name, clusters }) => ({ name, cluster: clusters[0]?.cluster })),
    users: parsed.map(({ name, users }) => ({ name, user: users[0]?.user })),
    contexts: parsed.map(({ name }) => ({ name, context: { cluster: name, user: name } })),
    'current-context': parsed[0]?.name,
  });
}

/** Writes a program "mlsysops-cli" that runs this very app's. @returns the folder that it is in */
export async function writeCommand(dataFolder: string, distFolder: string, node = process.execPath): Promise<string> {
  const folder = join(dataFolder, 'bin');
  const program = join(dirname(distFolder), 'main', 'cli', 'bin.mjs');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (process.platform === 'win32') {
    const text = `@echo off\r\nset ELECTRON_RUN_AS_NODE=1\r\n"${node}" "${program}" %*\r\n`;
    await writeFile(join(folder, 'mlsysops-cli.cmd'), text);
    return folder;
  }
  const file = join(folder, 'mlsysops-cli');
  await writeFile(file, `#!/bin/sh\nELECTRON_RUN_AS_NODE=1 exec ${quote(node)} ${quote(program)} "$@"\n`);
  await chmod(file, 0o700);
  return folder;
}

/** The one that is asked for comes first, and so is the current one. */
function ordered(kubeconfigs: Readonly<Record<string, string>>, first: string | undefined): Readonly<Record<string, string>> {
  const own = first === undefined ? undefined : kubeconfigs[first];
  return first === undefined || own === undefined ? kubeconfigs : { [first]: own, ...kubeconfigs };
}

/** What a shell on this computer has besides its user's environment: mlsysops-cli, and kubectl's contexts of a testbed that is up. */
export async function localEnvironment(options: {
  dataFolder: string;
  distFolder: string;
  path: string | undefined;
  /** Where the merged kubeconfig is kept, a folder of the user's alone, and its parts; null without a testbed. */
  testbed: { name: string; folder: string; kubeconfigs: Readonly<Record<string, string>> } | null;
  /** Whose context is the current one; default: the first. */
  cluster?: string | undefined;
}): Promise<Record<string, string>> {
  const { dataFolder, distFolder, path, testbed, cluster } = options;
  const bin = await writeCommand(dataFolder, distFolder);
  // So that mlsysops-cli in it speaks with this very core.
  const own = { MLSYSOPS_DATA: dataFolder, PATH: [bin, ...(path ? [path] : [])].join(delimiter) };
  if (testbed === null || Object.keys(testbed.kubeconfigs).length === 0) return own;
  // A shell of a cluster has a file of its own: "kubectl config use-context" in another one leaves it as it is.
  const file = join(testbed.folder, cluster === undefined ? 'kubeconfig' : `kubeconfig-${cluster}`);
  await mkdir(testbed.folder, { recursive: true, mode: 0o700 });
  await writeFile(file, mergeKubeconfigs(ordered(testbed.kubeconfigs, cluster)), { mode: 0o600 });
  return { ...own, KUBECONFIG: file, MLSYSOPS_TESTBED: testbed.name };
}
