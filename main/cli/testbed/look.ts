import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { OutputOf } from '../../contract/contract.ts';
import { answerSecrets } from '../ask.ts';
import { age, print, printJson, table } from '../output.ts';
import type { WithClient } from '../with-client.ts';

const dayMs = 24 * 3600 * 1000;

/** Verbs that tell what a testbed that is up is like. */
export function addLookCommands(testbed: Command, withClient: WithClient): void {
  testbed
    .command('status <name>')
    .description('Nodes, member clusters and agents as they are now')
    .option('--json', 'print JSON')
    .action((name: string, options: { json?: boolean }) =>
      withClient(async (client) => {
        const status = await client.call('testbeds.status', { testbed: name });
        if (options.json) printJson(status);
        else printStatus(status);
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
    .command('certificates <name>')
    .description('When the certificates on its hosts end, the next one first')
    .option('--json', 'print JSON')
    .action((name: string, options: { json?: boolean }) =>
      withClient(async (client) => {
        const secrets = answerSecrets(client, name);
        try {
          const all = await client.call('testbeds.certificates', { testbed: name });
          if (options.json) printJson(all);
          else
            print(
              table(
                ['HOST', 'ENDS IN', 'SUBJECT', 'FILE'],
                all.map(({ host, expiresAt, subject, path, authority }) => [
                  host,
                  `${Math.floor((expiresAt - Date.now()) / dayMs)} days`,
                  authority ? `${subject} (authority)` : subject,
                  path,
                ]),
              ),
            );
          return 0;
        } finally {
          secrets.close();
        }
      }),
    );
}

function printStatus({ testbed, nodes, members, agents }: OutputOf<'testbeds.status'>): void {
  print(`${testbed.name} (${testbed.kind}) is ${testbed.state}`);
  if (testbed.doubles.length > 0) print(`On doubles of: ${testbed.doubles.join(', ')}`);
  const yes = (ready: boolean) => (ready ? 'yes' : 'no');
  const nodeRows = nodes.map((node) => [node.name, node.cluster, yes(node.ready), node.version]);
  print(`\n${table(['NODE', 'CLUSTER', 'READY', 'VERSION'], nodeRows)}`);
  const memberRows = members.map((member) => [member.name, yes(member.ready)]);
  print(`\n${table(['MEMBER', 'READY'], memberRows)}`);
  const agentRows = agents.map((agent) => [
    agent.agent,
    agent.layer,
    agent.cluster,
    agent.alive ? (agent.role ?? 'alive') : 'silent',
    `${age(Date.now() - agent.lastHeartbeat)} ago`,
  ]);
  print(`\n${table(['AGENT', 'LAYER', 'CLUSTER', 'STATE', 'HEARTBEAT'], agentRows)}`);
}
