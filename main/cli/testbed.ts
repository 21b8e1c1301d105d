import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import type { ContractClient } from '../contract/contract.ts';
import { age, printJson, table } from './output.ts';
import { watchRun } from './watch-run.ts';

export type WithClient = (use: (client: ContractClient) => Promise<number>) => Promise<void>;

/** `mlsysops-cli testbed …`: everything about having a testbed. */
export function addTestbedCommands(program: Command, withClient: WithClient): void {
  const testbed = program.command('testbed').description('Create, set up, look at and take down testbeds');

  testbed
    .command('create <name>')
    .description('Name a testbed: "local" makes four real hosts on this computer, "hosts" takes yours, "twin" simulates them')
    .requiredOption('--kind <kind>', 'local, hosts or twin')
    .option('--from <file>', 'testbed.yaml or Ansible inventory (kind hosts)')
    .option('--bundle <folder>', 'offline bundle to install from')
    .option('--json', 'print JSON')
    .action((name: string, options: { kind: 'local' | 'hosts' | 'twin'; from?: string; bundle?: string; json?: boolean }) =>
      withClient(async (client) => {
        const created = await client.call('testbeds.create', {
          name,
          kind: options.kind,
          bundle: options.bundle,
          ...(options.from ? { file: readFileSync(options.from, 'utf8'), fileName: basename(options.from) } : {}),
        });
        if (options.json) printJson(created);
        else process.stdout.write(`Created ${created.name}. Next: mlsysops-cli testbed plan ${name}, then testbed up ${name}\n`);
        return 0;
      }),
    );

  testbed
    .command('list')
    .description('All testbeds')
    .option('--json', 'print JSON')
    .action((options: { json?: boolean }) =>
      withClient(async (client) => {
        const all = await client.call('testbeds.list', {});
        if (options.json) printJson(all);
        else {
          const rows = all.map((one) => [one.name, one.kind, one.state, String(one.hosts.length), one.doubles.join(', ') || '–']);
          process.stdout.write(`${table(['NAME', 'KIND', 'STATE', 'HOSTS', 'DOUBLES'], rows)}\n`);
        }
        return 0;
      }),
    );

  testbed
    .command('plan <name>')
    .description('What would change, per host; changes nothing')
    .option('--json', 'print JSON')
    .action((name: string, options: { json?: boolean }) =>
      withClient(async (client) => {
        const plan = await client.call('testbeds.plan', { testbed: name });
        if (options.json) {
          printJson(plan);
          return 0;
        }
        const words = { change: 'change', 'in-place': 'in place', later: 'told later' } as const;
        process.stdout.write(
          `${table(
            ['HOST', 'PHASE', 'STATE', 'STEP'],
            plan.steps.map((step) => [step.host, step.phase, words[step.state], step.title]),
          )}\n`,
        );
        for (const warning of plan.warnings)
          process.stdout.write(`warning: ${warning.host ? `${warning.host}: ` : ''}${warning.text} ${warning.remedy ?? ''}\n`);
        const count = (state: string) => plan.steps.filter((step) => step.state === state).length;
        process.stdout.write(
          `${count('change')} to change, ${count('in-place')} in place, ${count('later')} that later phases will tell.\n`,
        );
        return 0;
      }),
    );

  for (const verb of ['up', 'down'] as const) {
    testbed
      .command(`${verb} <name>`)
      .description(
        verb === 'up'
          ? 'Set it up, or go on where it stopped; a second time changes nothing'
          : 'Take it down and leave the hosts as they were',
      )
      .option('--json', 'print JSON lines')
      .action((name: string, options: { json?: boolean }) =>
        withClient(async (client) => {
          const { run } = await client.call(`testbeds.${verb}`, { testbed: name });
          return watchRun(client, run, options.json ?? false);
        }),
      );
  }

  testbed
    .command('remove <name>')
    .description('Forget a testbed that is down; local hosts are destroyed')
    .action((name: string) =>
      withClient(async (client) => {
        await client.call('testbeds.remove', { testbed: name });
        process.stdout.write(`Removed ${name}\n`);
        return 0;
      }),
    );

  testbed
    .command('status <name>')
    .description('Nodes, member clusters and agents as they are now')
    .option('--json', 'print JSON')
    .action((name: string, options: { json?: boolean }) =>
      withClient(async (client) => {
        const status = await client.call('testbeds.status', { testbed: name });
        if (options.json) {
          printJson(status);
          return 0;
        }
        const { testbed: summary, nodes, members, agents } = status;
        process.stdout.write(`${summary.name} (${summary.kind}) is ${summary.state}\n`);
        if (summary.doubles.length > 0) process.stdout.write(`On doubles of: ${summary.doubles.join(', ')}\n`);
        process.stdout.write(
          `\n${table(
            ['NODE', 'CLUSTER', 'READY', 'VERSION'],
            nodes.map((node) => [node.name, node.cluster, node.ready ? 'yes' : 'no', node.version]),
          )}\n`,
        );
        process.stdout.write(
          `\n${table(
            ['MEMBER', 'READY'],
            members.map((member) => [member.name, member.ready ? 'yes' : 'no']),
          )}\n`,
        );
        const rows = agents.map((agent) => [
          agent.agent,
          agent.layer,
          agent.cluster,
          agent.alive ? 'alive' : 'silent',
          `${age(Date.now() - agent.lastHeartbeat)} ago`,
        ]);
        process.stdout.write(`\n${table(['AGENT', 'LAYER', 'CLUSTER', 'STATE', 'HEARTBEAT'], rows)}\n`);
        return 0;
      }),
    );

  testbed
    .command('kubeconfig <name>')
    .description('Kubeconfig of one of its clusters, or of Karmada')
    .requiredOption('--cluster <cluster>', 'cluster id, or "karmada"')
    .option('--out <file>', 'write it to a file (mode 0600) instead of standard output')
    .action((name: string, options: { cluster: string; out?: string }) =>
      withClient(async (client) => {
        const { kubeconfig } = await client.call('testbeds.kubeconfig', { testbed: name, cluster: options.cluster });
        if (options.out) writeFileSync(options.out, kubeconfig, { mode: 0o600 });
        else process.stdout.write(kubeconfig);
        return 0;
      }),
    );

  testbed
    .command('trust <name> [host]')
    .description('Host keys seen at first contact; with a host and --fingerprint, accept one')
    .option('--fingerprint <sha256>', 'the fingerprint that you compared with the host’s own console')
    .action((name: string, host: string | undefined, options: { fingerprint?: string }) =>
      withClient(async (client) => {
        if (host && options.fingerprint) {
          await client.call('testbeds.trust', { testbed: name, host, fingerprint: options.fingerprint });
          process.stdout.write(`${host} is trusted\n`);
          return 0;
        }
        const keys = await client.call('testbeds.hostKeys', { testbed: name });
        const rows = keys.map((key) => [key.host, key.state, key.algorithm ?? '–', key.fingerprint ?? key.error ?? '–']);
        process.stdout.write(`${table(['HOST', 'STATE', 'KEY', 'FINGERPRINT'], rows)}\n`);
        return keys.every((key) => key.state === 'known') ? 0 : 5;
      }),
    );
}
