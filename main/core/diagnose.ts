import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type CertificateValue, certificateWarnings } from '../../provisioning/day2/certificates.ts';
import { listJournals } from '../../provisioning/run/journal.ts';
import { Redactor } from '../../provisioning/run/redact.ts';
import { writeTestbedFile } from '../../provisioning/testbed/write.ts';
import type { OutputOf } from '../contract/contract.ts';
import type { SystemCheck } from '../contract/system.ts';
import type { Store } from '../store/store.ts';
import { logPath, tokenPath } from './folders.ts';
import type { Live } from './live.ts';
import { statusOf } from './status.ts';
import type { TestbedEntry } from './testbeds.ts';

/** Telemetry and journals of a week need some hundred MB. */
const wantedFreeBytes = 2 ** 30;
/** Of logs in a support file, from their ends. */
const logBytes = 200_000;
/** Agents' clocks and ours may differ by so much before charts and ages are misleading. */
const agedMs = 5000;

const ok = (id: string, evidence: string): SystemCheck => ({ id, severity: 'ok', evidence });
const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What the app sees of itself. */
export async function diagnoseApp(options: {
  dataFolder: string;
  info: OutputOf<'system.info'>;
  platform?: NodeJS.Platform;
  /** null: nothing can be kept. */
  keptSecrets: number | null;
}): Promise<SystemCheck[]> {
  const { dataFolder, info, keptSecrets } = options;
  const checks = [ok('core', `version ${info.version}, Node ${info.core.node}, process ${info.core.pid}`)];
  try {
    const { bavail, bsize } = await statfs(dataFolder);
    const free = bavail * bsize;
    const evidence = `${(free / 2 ** 30).toFixed(1)} GiB free for ${dataFolder}`;
    checks.push(
      free >= wantedFreeBytes
        ? ok('disk', evidence)
        : { id: 'disk', severity: 'warning', evidence, remedy: 'Free some space, or remove testbeds that are not needed' },
    );
  } catch (error) {
    checks.push({ id: 'disk', severity: 'error', evidence: said(error), remedy: `Make ${dataFolder} readable for yourself` });
  }
  if (process.platform !== 'win32') {
    const { mode } = await stat(dataFolder);
    const open = (mode & 0o077) !== 0;
    const evidence = open ? `others may look into ${dataFolder}` : 'the data folder is yours alone';
    checks.push(
      open ? { id: 'privacy', severity: 'warning', evidence, remedy: `chmod 700 ${dataFolder}` } : ok('privacy', evidence),
    );
  }
  checks.push(
    ok(
      'passwords',
      keptSecrets === null
        ? 'asked for each time: no keychain of this computer has been offered by the window'
        : `${keptSecrets} kept, encrypted by this computer’s keychain`,
    ),
  );
  checks.push(
    info.localHostsUnavailable === null
      ? ok('local-hosts', 'local hosts can be made on this computer')
      : { id: 'local-hosts', severity: 'warning', evidence: info.localHostsUnavailable },
  );
  return checks;
}

/** Whether what is measured is kept, and how much there is. */
export function diagnoseStore(store: Store): SystemCheck {
  const { parts } = store.cold;
  if (store.trouble === null) {
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    return ok(
      'store',
      `what is measured is kept${parts.length > 0 ? `, with ${(bytes / 2 ** 20).toFixed(0)} MiB of earlier readings` : ''}`,
    );
  }
  const held = store.telemetry.held.toLocaleString('en-US');
  return {
    id: 'store',
    severity: 'error',
    evidence: `what is measured cannot be written: ${held} readings wait in memory (${store.trouble})`,
    remedy: /space|full/i.test(store.trouble)
      ? `Free some space on the disk of ${dirname(store.file)}: what waits is written within a second then`
      : `See whether ${store.file} can be written by you, then start the app anew`,
  };
}

/** What it sees of one testbed that is up: APIs, members, agents, freshness of telemetry, and certificates that end soon. */
export async function diagnoseTestbed(
  entry: TestbedEntry,
  live: Live | null,
  certificates: () => Promise<CertificateValue[]>,
  now = Date.now(),
): Promise<SystemCheck[]> {
  if (live === null) return [{ id: 'state', severity: 'warning', evidence: `the testbed is ${entry.remembered.state}, not up` }];
  const checks: SystemCheck[] = [];
  try {
    const { nodes, members, agents } = await statusOf(entry, live);
    const problems = live.clusters.value.problems;
    checks.push(
      ...(problems.length === 0
        ? [ok('apis', 'every API answers')]
        : problems.map(
            (problem): SystemCheck => ({
              id: 'apis',
              severity: 'error',
              evidence: problem,
              remedy: 'See the cluster’s control plane; "Set up again" mends what is missing',
            }),
          )),
    );
    checks.push(
      each(
        'nodes',
        nodes,
        ({ ready }) => ready,
        ({ name }) => name,
        'is not Ready',
        'See "kubectl describe node"',
      ),
    );
    checks.push(
      each(
        'members',
        members,
        ({ ready }) => ready,
        ({ name }) => name,
        'is not a ready member of Karmada',
        'Set it up again: it is joined anew',
      ),
    );
    checks.push(
      each(
        'agents',
        agents,
        ({ alive }) => alive,
        ({ agent }) => agent,
        'has fallen silent',
        'See its log: mlsysops-cli agents logs HOST',
      ),
    );
    // Trust is the cluster agent's reading of a node, and no sign of the node's own.
    const own = Object.entries(live.state.readings()).filter(([key]) => !key.startsWith('trust_level|'));
    const last = Math.max(0, ...own.map(([, { time }]) => time));
    const age = now - last;
    checks.push(
      // A twin has a time of its own.
      last > 0 && (age < agedMs || entry.testbed.kind === 'twin')
        ? ok('telemetry', `the last reading is ${(Math.max(0, age) / 1000).toFixed(1)} s old`)
        : {
            id: 'telemetry',
            severity: 'warning',
            evidence: last === 0 ? 'nothing has been read yet' : `the last reading is ${Math.round(age / 1000)} s old`,
            remedy: 'See whether the node agents run, and whether their clocks are right',
          },
    );
  } catch (error) {
    checks.push({
      id: 'bus',
      severity: 'error',
      evidence: said(error),
      remedy: 'See whether the management host can be reached',
    });
  }
  if (entry.testbed.kind !== 'twin') {
    try {
      const warnings = certificateWarnings(await certificates(), now);
      checks.push(
        ...(warnings.length === 0
          ? [ok('certificates', 'none ends within a month')]
          : warnings.map(
              ({ text, remedy }): SystemCheck => ({ id: 'certificates', severity: 'warning', evidence: text, remedy }),
            )),
      );
    } catch (error) {
      checks.push({ id: 'certificates', severity: 'warning', evidence: `they could not be read: ${said(error)}` });
    }
  }
  return checks;
}

function each<T>(
  id: string,
  all: readonly T[],
  good: (one: T) => boolean,
  name: (one: T) => string,
  what: string,
  remedy: string,
): SystemCheck {
  const bad = all.filter((one) => !good(one)).map(name);
  if (bad.length === 0) return ok(id, `${all.length} of ${all.length} ${id}`);
  return { id, severity: 'error', evidence: `${bad.join(', ')} ${what}`, remedy };
}

/**
 * One text for whoever helps: checks, the testbed without its secrets, its last run, and the end of the core's log. What looks like a secret, and
 * every file in the testbed's folder of secrets, is taken out.
 */
export async function supportText(options: {
  dataFolder: string;
  checks: readonly SystemCheck[];
  entry: TestbedEntry | null;
  /** Folders of secrets of all testbeds: the log speaks of any of them. */
  secretFolders: readonly string[];
  /** Passwords that are known. */
  secrets: readonly string[];
}): Promise<string> {
  const { dataFolder, checks, entry, secretFolders, secrets } = options;
  const redactor = new Redactor();
  // As they are, and as they stand in JSON and in a Kubernetes secret.
  for (const secret of secrets)
    for (const form of [secret, JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('base64')]) redactor.add(form);
  for (const folder of secretFolders)
    for (const secret of await secretsIn(folder)) redactor.addFile({ path: '', mode: '', content: secret, secret: true });
  redactor.add(await readFile(tokenPath(dataFolder), 'utf8').catch(() => ''));
  const parts = [
    [
      'checks',
      checks
        .map(({ severity, id, evidence, remedy }) => `${severity} ${id}: ${evidence}${remedy ? `. ${remedy}` : ''}`)
        .join('\n'),
    ],
    ...(entry
      ? [
          ['testbed', writeTestbedFile(entry.testbed)],
          ['last run', await lastRun(entry.folder.path)],
        ]
      : []),
    ['core.log', await endOf(logPath(dataFolder))],
  ];
  return redactor.text(parts.map(([title, text]) => `===== ${title}\n${text}\n`).join('\n'));
}

async function lastRun(folder: string): Promise<string> {
  const run = (await listJournals(folder)).at(-1);
  return run === undefined ? 'none' : endOf(join(folder, 'runs', `${run}.jsonl`));
}

async function endOf(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).slice(-logBytes);
  } catch (error) {
    return said(error);
  }
}

async function secretsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return Promise.all(
    names.filter((one) => one.isFile()).map((one) => readFile(join(one.parentPath ?? one.path, one.name), 'utf8')),
  );
}
