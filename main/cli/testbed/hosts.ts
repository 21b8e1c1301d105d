import type { Command } from 'commander';
import { Failure } from '../../../provisioning/run/failure.ts';
import { hostSchema } from '../../../provisioning/testbed/schema.ts';
import { print, table } from '../output.ts';
import { carryOut } from '../watch-run.ts';
import { list, type WithClient } from '../with-client.ts';
import { runCommand } from './run.ts';

interface RunOptions {
  takeOver?: boolean;
  json?: boolean;
}
interface AddOptions extends RunOptions {
  address?: string;
  cluster: string;
  port?: string;
  user?: string;
  identity?: string;
  jump?: string[];
  label?: string[];
}

/** Verbs about one host of a testbed that is up, and about trust in hosts. */
export function addHostCommands(testbed: Command, withClient: WithClient): void {
  runCommand(testbed, 'add-host <name> <new-host>', 'Add a worker to a testbed that is up')
    .option('--address <address>', 'IP address, DNS name, or a Host of ~/.ssh/config; default: its name')
    .option('--cluster <cluster>', 'the cluster that it joins', 'cluster1')
    .option('--port <port>', 'port of its sshd')
    .option('--user <user>', 'who logs in')
    .option('--identity <file>', 'private key on this computer')
    .option('--jump <hosts>', 'hosts to go through, the first one reached first', list)
    .option('--label <labels>', 'labels of its node, as key=value', list)
    .action((name: string, host: string, options: AddOptions) =>
      withClient((client) => {
        const given = newHost(host, options);
        return carryOut(client, name, options.json ?? false, () =>
          client.call('testbeds.operate', {
            testbed: name,
            takeOver: options.takeOver,
            operation: { kind: 'add-host', host: given },
          }),
        );
      }),
    );

  runCommand(testbed, 'remove-host <name> <host>', 'Take a worker out of a testbed that is up: drained, reset, forgotten')
    .option('--gone', 'it cannot be reached any more: it is neither drained nor reset')
    .option('--force', 'also evict pods that nobody makes anew, in spite of disruption budgets')
    .action((name: string, host: string, { gone, force, takeOver, json }: RunOptions & { gone?: boolean; force?: boolean }) =>
      withClient((client) =>
        carryOut(client, name, json ?? false, () =>
          client.call('testbeds.operate', {
            testbed: name,
            takeOver,
            operation: { kind: 'remove-host', host, gone, force },
          }),
        ),
      ),
    );

  runCommand(testbed, 'replace-host <name> <host>', 'Set a host up again that was installed anew')
    .option('--fingerprint <sha256>', "trust its new key if it is this one; compare it with the host's own console")
    .action((name: string, host: string, { fingerprint, takeOver, json }: RunOptions & { fingerprint?: string }) =>
      withClient((client) =>
        carryOut(client, name, json ?? false, () =>
          client.call('testbeds.operate', {
            testbed: name,
            takeOver,
            operation: { kind: 'replace-host', host, fingerprint },
          }),
        ),
      ),
    );

  testbed
    .command('trust <name> [host]')
    .description('Host keys seen at first contact; with a host and --fingerprint, accept one; with --all, those that are new')
    .option('--fingerprint <sha256>', "the fingerprint that you compared with the host's own console")
    .option('--all', 'accept every new key as shown; a changed one is never among them')
    .action((name: string, host: string | undefined, options: { fingerprint?: string; all?: boolean }) =>
      withClient(async (client) => {
        if (host !== undefined && options.fingerprint !== undefined) {
          await client.call('testbeds.trust', { testbed: name, host, fingerprint: options.fingerprint });
          print(`${host} is trusted`);
          return 0;
        }
        const keys = (await client.call('testbeds.hostKeys', { testbed: name })).filter(
          (key) => host === undefined || key.host === host,
        );
        const accepted = new Set<string>();
        for (const { host: one, state, fingerprint } of keys) {
          if (!options.all || state !== 'new' || fingerprint === undefined) continue;
          await client.call('testbeds.trust', { testbed: name, host: one, fingerprint });
          accepted.add(one);
        }
        const rows = keys.map((key) => [
          key.host,
          accepted.has(key.host) ? 'trusted now' : key.state,
          key.algorithm ?? '–',
          key.fingerprint ?? key.error ?? '–',
        ]);
        print(table(['HOST', 'STATE', 'KEY', 'FINGERPRINT'], rows));
        return keys.every((key) => key.state === 'known' || accepted.has(key.host)) ? 0 : 5;
      }),
    );
}

/** @throws Failure invalid-input naming the option that is wrong */
function newHost(name: string, { address = name, cluster, port, user, identity, jump, label }: AddOptions) {
  const labels = Object.fromEntries((label ?? []).map((text) => [text.split('=')[0] ?? '', text.split('=').slice(1).join('=')]));
  const parsed = hostSchema.safeParse({
    name,
    address,
    cluster,
    role: 'worker',
    labels,
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(user === undefined ? {} : { user }),
    ...(identity === undefined ? {} : { identityFile: identity }),
    ...(jump === undefined ? {} : { jump }),
  });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Failure({ code: 'invalid-input', cause: `${issue?.path.join('.')}: ${issue?.message}` });
}
