import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type CertificateValue, certificateWarnings } from '../../provisioning/day2/certificates.ts';
import type { OutputOf } from '../contract/contract.ts';
import type { CheckAction, SystemCheck } from '../contract/system.ts';
import type { Store } from '../store/store.ts';
import { leaderships } from './leaders.ts';
import type { Live } from './live.ts';
import { statusOf } from './status.ts';
import type { TestbedEntry } from './testbeds.ts';
import { describeNode, managementOf, readLog } from './typed-commands.ts';
import type { VaultGuard } from './vault.ts';

/** Telemetry and journals of a week need some hundred MB. */
const wantedFreeBytes = 2 ** 30;
/** Agents' clocks and ours may differ by so much before charts and ages are misleading. */
const agedMs = 5000;

const ok = (id: string, evidence: string): SystemCheck => ({ id, severity: 'ok', evidence });
const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What the app sees of itself. */
export async function diagnoseApp(options: {
  dataFolder: string;
  info: OutputOf<'system.info'>;
  platform?: NodeJS.Platform;
  secrets: { kept: number; locked: boolean; guard: VaultGuard };
}): Promise<SystemCheck[]> {
  const { dataFolder, info, secrets } = options;
  const checks = [ok('core', `version ${info.version}, Node ${info.core.node}, process ${info.core.pid}`)];
  try {
    const { bavail, bsize } = await statfs(dataFolder);
    const free = bavail * bsize;
    const evidence = `${(free / 2 ** 30).toFixed(1)} GiB free for ${dataFolder}`;
    checks.push(
      free >= wantedFreeBytes
        ? ok('disk', evidence)
        : {
            id: 'disk',
            severity: 'warning',
            evidence,
            remedy: 'Free some space, or remove testbeds that are not needed',
            action: { kind: 'show-testbeds' },
          },
    );
  } catch (error) {
    checks.push({ id: 'disk', severity: 'error', evidence: said(error), remedy: `Make ${dataFolder} readable for yourself` });
  }
  if (process.platform !== 'win32') {
    const { mode } = await stat(dataFolder);
    const open = (mode & 0o077) !== 0;
    const evidence = open ? `others may look into ${dataFolder}` : 'the data folder is yours alone';
    checks.push(
      open
        ? {
            id: 'privacy',
            severity: 'warning',
            evidence,
            remedy: `Make it yours alone: chmod 700 ${dataFolder}`,
            action: { kind: 'make-private' },
          }
        : ok('privacy', evidence),
    );
  }
  checks.push(passwordsCheck(secrets));
  checks.push(
    info.localHostsUnavailable === null
      ? ok('local-hosts', 'local hosts can be made on this computer')
      : { id: 'local-hosts', severity: 'warning', evidence: info.localHostsUnavailable },
  );
  return checks;
}

const guardWords = { none: 'nothing', keychain: 'this computer’s keychain', passphrase: 'your passphrase' };

function passwordsCheck({ kept, locked, guard }: { kept: number; locked: boolean; guard: VaultGuard }): SystemCheck {
  if (guard === 'none')
    return ok('passwords', 'none is kept; this computer offers no keychain, so a passphrase of yours would guard them');
  const action = { kind: 'forget-passwords' } as const;
  if (!locked) return { ...ok('passwords', `${kept} kept, encrypted by ${guardWords[guard]}`), ...(kept > 0 ? { action } : {}) };
  const evidence = `kept, and locked until ${guard === 'keychain' ? 'the window brings the key from the keychain' : 'your passphrase is given'}`;
  const remedy = guard === 'keychain' ? 'Open the app’s own window once' : 'It is asked for when a host needs a password';
  return {
    id: 'passwords',
    severity: 'ok',
    evidence,
    remedy: `${remedy}. Where that cannot be, forget them: hosts ask again`,
    action,
  };
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
  if (live === null) {
    const { state, recording, trouble } = entry.remembered;
    if (recording) return [ok('state', `a recording of ${recording.of}: there is nothing to look after`)];
    const remedy = { remedy: 'Set it up', action: { kind: 'set-up' } } as const;
    if (state !== 'failed') return [{ id: 'state', severity: 'warning', evidence: `the testbed is ${state}, not up`, ...remedy }];
    const evidence = trouble ? `the testbed has failed: ${trouble}` : 'the testbed has failed: its last run says where';
    return [{ id: 'state', severity: 'error', evidence, ...remedy }];
  }
  const twin = entry.testbed.kind === 'twin';
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
              action: { kind: 'set-up' },
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
        ({ name, cluster }) => ({ kind: 'kubectl', cluster, command: describeNode(name) }),
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
        () => ({ kind: 'set-up' }),
      ),
    );
    checks.push(
      each(
        'agents',
        agents,
        ({ alive }) => alive,
        ({ agent }) => agent,
        'has fallen silent',
        twin ? 'Start the twin anew' : 'See its log: mlsysops-cli agents logs',
        (agent) => (twin ? { kind: 'set-up' } : { kind: 'shell', host: 'local', command: readLog(entry.testbed, agent) }),
      ),
    );
    checks.push(
      ...leaderships(entry.testbed, agents).map(
        ({ cluster, severity, text }): SystemCheck =>
          severity === 'ok'
            ? ok('leaders', text)
            : {
                id: 'leaders',
                severity,
                evidence: text,
                remedy: 'Two agents stand for election by a Lease in their cluster; see it, and their logs',
                action: { kind: 'kubectl', cluster, command: 'kubectl -n mlsysops describe lease mlsysops-cluster-agent' },
              },
      ),
    );
    // Trust is the cluster agent's reading of a node, and no sign of the node's own.
    const own = Object.entries(live.state.readings()).filter(([key]) => !key.startsWith('trust_level|'));
    const last = Math.max(0, ...own.map(([, { time }]) => time));
    const age = now - last;
    checks.push(
      // A twin has a time of its own.
      last > 0 && (age < agedMs || twin)
        ? ok('telemetry', `the last reading is ${(Math.max(0, age) / 1000).toFixed(1)} s old`)
        : {
            id: 'telemetry',
            severity: 'warning',
            evidence: last === 0 ? 'nothing has been read yet' : `the last reading is ${Math.round(age / 1000)} s old`,
            remedy: 'See whether the node agents run, and whether their clocks are right',
            action: {
              kind: 'shell',
              host: entry.testbed.hosts[0]?.name ?? 'local',
              command: 'timedatectl; systemctl status mlsysops-node',
            },
          },
    );
  } catch (error) {
    checks.push({
      id: 'bus',
      severity: 'error',
      evidence: said(error),
      remedy: 'See whether the management host can be reached',
      action: twin
        ? { kind: 'set-up' }
        : { kind: 'shell', host: managementOf(entry.testbed), command: 'systemctl status mlsysops-bus' },
    });
  }
  if (!twin) {
    try {
      const warnings = certificateWarnings(await certificates(), now);
      checks.push(
        ...(warnings.length === 0
          ? [ok('certificates', 'none ends within a month')]
          : warnings.map(
              ({ text, remedy, authority }): SystemCheck => ({
                id: 'certificates',
                severity: 'warning',
                evidence: text,
                remedy,
                // What an authority has signed is renewed by it; the authority itself is not.
                ...(authority ? {} : { action: { kind: 'renew-certificates' } }),
              }),
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
  action: (one: T) => CheckAction,
): SystemCheck {
  const bad = all.filter((one) => !good(one));
  const [first] = bad;
  if (first === undefined) return ok(id, `${all.length} of ${all.length} ${id}`);
  return { id, severity: 'error', evidence: `${bad.map(name).join(', ')} ${what}`, remedy, action: action(first) };
}
