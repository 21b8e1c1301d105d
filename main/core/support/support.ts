import { open, readdir, readFile } from 'node:fs/promises';
import { availableParallelism, release, type as systemName, totalmem } from 'node:os';
import { join } from 'node:path';
import { listJournals } from '../../../provisioning/run/journal.ts';
import { Redactor } from '../../../provisioning/run/redact.ts';
import { writeTestbedFile } from '../../../provisioning/testbed/write.ts';
import type { OutputOf } from '../../contract/contract.ts';
import type { SystemCheck } from '../../contract/system.ts';
import { logPath, tokenPath } from '../folders.ts';
import type { TestbedEntry } from '../testbeds.ts';
import type { ArchivedFile } from './archive.ts';

/** Of each log, from its end. */
const logBytes = 1_000_000;
const runsKept = 3;
/** A password of three letters is blotted out, too: a log with holes is better than one that tells it. */
const shortestSecret = 3;

export interface SupportOptions {
  dataFolder: string;
  checks: { app: readonly SystemCheck[]; testbed: readonly SystemCheck[] };
  info: OutputOf<'system.info'>;
  /** Names, kinds and states of all testbeds. */
  testbeds: readonly { name: string; kind: string; state: string }[];
  /** The one that it is about. */
  entry: TestbedEntry | null;
  /** Logs of its agents, as far as they could be read: name of the file, and its text. */
  agents: readonly ArchivedFile[];
  /** Folders of secrets of all testbeds: the log speaks of any of them. */
  secretFolders: readonly string[];
  /** Passwords that are known. */
  secrets: readonly string[];
}

/**
 * Files for whoever helps: checks, versions, logs of the core, of the last runs and of the agents, and the testbed file. What looks like a secret, and
 * every file in the testbeds' folders of secrets, is taken out of all of them.
 */
export async function supportFiles(options: SupportOptions): Promise<ArchivedFile[]> {
  const { dataFolder, checks, info, testbeds, entry, agents } = options;
  const redactor = await redactorOf(options);
  const log = logPath(dataFolder);
  const files: ArchivedFile[] = [
    { name: 'README.txt', text: about },
    { name: 'checks.txt', text: [...checks.app, ...checks.testbed].map(checkLine).join('\n') },
    { name: 'checks.json', text: JSON.stringify(checks, null, 2) },
    { name: 'versions.json', text: JSON.stringify(versions(info), null, 2) },
    { name: 'testbeds.json', text: JSON.stringify(testbeds, null, 2) },
    { name: 'core.log', text: await endOf(log) },
    { name: 'core.log.1', text: await endOf(`${log}.1`) },
    ...(entry ? [{ name: 'testbed.yaml', text: writeTestbedFile(entry.testbed, { schema: null }) }] : []),
    ...(entry ? await lastRuns(entry.folder.path) : []),
    ...agents.map(({ name, text }) => ({ name: `agents/${name}`, text })),
  ];
  return files.filter(({ text }) => text !== '').map(({ name, text }) => ({ name, text: redactor.text(text) }));
}

const about = `Made by "Support archive" of MLSysOps Desktop, for whoever helps.
Passwords, keys, tokens and everything that looks like one were taken out and stand as •••. Names and addresses of hosts are in it.

checks.txt, checks.json   what the app found out about itself and the testbed
versions.json             of the app and of this computer
testbeds.json             all testbeds, by name, kind and state
testbed.yaml              the one that this is about
core.log                  what the background process has said
runs/                     the last runs, event by event
agents/                   what the agents have said, where their hosts could be reached
`;

const checkLine = ({ severity, id, evidence, remedy }: SystemCheck): string =>
  `${severity} ${id}: ${evidence}${remedy ? `. ${remedy}` : ''}`;

const versions = (info: OutputOf<'system.info'>) => ({
  app: info.version,
  node: info.core.node,
  ...Object.fromEntries(['electron', 'chrome', 'v8', 'openssl'].map((name) => [name, process.versions[name] ?? null])),
  system: `${systemName()} ${release()} ${process.arch}`,
  cores: availableParallelism(),
  memoryGiB: Number((totalmem() / 2 ** 30).toFixed(1)),
  localHostsUnavailable: info.localHostsUnavailable,
});

async function redactorOf({ dataFolder, secretFolders, secrets }: SupportOptions): Promise<Redactor> {
  const redactor = new Redactor();
  // As they are, and as they stand in JSON and in a Kubernetes secret.
  for (const secret of secrets)
    for (const form of [secret, JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('base64')])
      redactor.add(form, shortestSecret);
  for (const folder of secretFolders)
    for (const secret of await secretsIn(folder)) redactor.addFile({ path: '', mode: '', content: secret, secret: true });
  redactor.add(await readFile(tokenPath(dataFolder), 'utf8').catch(() => ''));
  return redactor;
}

async function lastRuns(folder: string): Promise<ArchivedFile[]> {
  const runs = (await listJournals(folder)).slice(-runsKept);
  return Promise.all(
    runs.map(async (run) => ({ name: `runs/${run}.jsonl`, text: await endOf(join(folder, 'runs', `${run}.jsonl`)) })),
  );
}

/** Whole lines of its end; why not, where it cannot be read; nothing where there is none. */
async function endOf(file: string): Promise<string> {
  try {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      const from = Math.max(0, size - logBytes);
      const text = (await handle.read(Buffer.alloc(size - from), 0, size - from, from)).buffer.toString('utf8');
      return from === 0 ? text : text.slice(text.indexOf('\n') + 1);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    return `It could not be read: ${(error as Error).message}\n`;
  }
}

async function secretsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return Promise.all(
    names.filter((one) => one.isFile()).map((one) => readFile(join(one.parentPath ?? one.path, one.name), 'utf8')),
  );
}
