import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { parseTestbedFile } from '../../../provisioning/testbed/parse.ts';
import type { Host, Testbed } from '../../../provisioning/testbed/schema.ts';
import { type ContractClient, ContractError } from '../../contract/contract.ts';
import { print, printJson, table } from '../output.ts';
import { carryOut } from '../watch-run.ts';
import type { WithClient } from '../with-client.ts';
import { type ApiOptions, apiCommand, apiHelp, type WithApi, wrong } from './reach.ts';
import { testApplication } from './test-application.ts';

interface Options {
  testbed?: string;
  inventory?: string;
  json?: boolean;
}

/** What each of the framework's own verbs means here: phases of `testbed up`, on some of the hosts. */
const parts: readonly { verb: string; description: string; only?: string[]; roles?: Host['role'][] }[] = [
  { verb: 'deploy-all', description: 'Everything: the same as testbed up' },
  {
    verb: 'deploy-services',
    description: 'What the agents stand on: Kubernetes, Karmada and the message bus',
    only: ['prepare', 'runtime', 'kubernetes', 'network', 'karmada', 'bus'],
  },
  { verb: 'deploy-continuum', description: 'The agents of the management host', only: ['agents'], roles: ['management'] },
  { verb: 'deploy-cluster', description: 'The agents of the clusters’ control planes', only: ['agents'], roles: ['master'] },
  { verb: 'deploy-node', description: 'The agents of the workers', only: ['agents'], roles: ['worker'] },
];

/** `mlsysops-cli framework …` */
export function addFrameworkCommands(program: Command, withClient: WithClient, withApi: WithApi): void {
  const framework = program
    .command('framework')
    .description('The framework itself: set it up, or parts of it, and see how it is')
    .addHelpText(
      'after',
      `
  mlsysops-cli framework deploy-all --inventory inventory.yml      from an Ansible inventory of the framework to a testbed
  mlsysops-cli framework deploy-node --testbed lab                 the agents of its workers alone
  mlsysops-cli framework create-test-app-description --testbed lab --out test-app.yaml
  mlsysops-cli framework status

Descriptions of nodes and clusters are measured on the hosts: there is no folder of them to write. What is in place already stays as it is.
${apiHelp}`,
    );
  for (const { verb, description, only, roles } of parts)
    framework
      .command(verb)
      .description(description)
      .option('-t, --testbed <name>', 'which testbed')
      .option('--inventory <file>', 'an Ansible inventory or testbed.yaml; makes the testbed when it is not known yet')
      .option('--json', 'print the events of the run as JSON lines')
      .action((options: Options) =>
        withClient(async (client) => {
          const testbed = await wanted(client, options);
          const hosts = roles && testbed.hosts.filter(({ role }) => roles.includes(role)).map(({ name }) => name);
          if (hosts?.length === 0)
            throw wrong(`${testbed.name} has no host for this`, 'mlsysops-cli testbed status shows what it has');
          const wishes = { testbed: testbed.name, ...(only && { only }), ...(hosts && { hosts }) };
          return carryOut(client, testbed.name, options.json ?? false, () => client.call('testbeds.up', wishes));
        }),
      );

  framework
    .command('create-test-app-description')
    .description('Write the framework’s test application (a TCP client and a server) for the workers of a testbed')
    .option('-t, --testbed <name>', 'of a testbed that is known')
    .option('--inventory <file>', 'of an Ansible inventory or testbed.yaml')
    .option('--cluster <name>', 'which cluster; default: the first that has a worker')
    .option('--out <file>', 'write to this file instead of standard output')
    .action((options: Options & { cluster?: string; out?: string }) =>
      withClient(async (client) => {
        const { inventory, cluster, out } = options;
        const testbed = inventory === undefined ? await wanted(client, options) : read(inventory);
        const text = testApplication(testbed, cluster);
        if (out === undefined) process.stdout.write(text);
        else {
          writeFileSync(out, text);
          print(`Wrote ${out}. Next: mlsysops-cli apps deploy-app --path ${out} --wait 120`);
        }
        return 0;
      }),
    );

  apiCommand(framework, 'status', 'The framework at a glance: agents by layer, clusters and applications').action(
    (options: ApiOptions) =>
      withApi(options, async (api) => {
        const told = await api.call('framework.status', {});
        if (options.json) {
          printJson(told);
          return 0;
        }
        print(`MLSysOps ${told.version}`);
        print(
          table(
            ['LAYER', 'AGENTS ALIVE', 'SILENT'],
            told.layers.map(({ layer, alive, silent }) => [layer, String(alive), silent.join(', ') || '–']),
          ),
        );
        print(`clusters: ${told.clusters.map(({ id, ready }) => (ready ? id : `${id} (NOT ready)`)).join(', ') || '–'}`);
        print(
          `applications: ${told.applications.map(({ application, state }) => `${application} (${state})`).join(', ') || '–'}`,
        );
        return 0;
      }),
  );
}

const read = (file: string): Testbed => parseTestbedFile(readFileSync(file, 'utf8'), file);

/** The testbed that is named, or that the inventory describes, made now when it is new. @throws Failure invalid-input */
async function wanted(client: ContractClient, { testbed, inventory }: Options): Promise<Testbed> {
  if (inventory === undefined) {
    if (testbed === undefined) throw wrong('Which testbed?', 'Give --testbed NAME, or --inventory FILE');
    return parseTestbedFile((await client.call('testbeds.file', { testbed })).text, testbed);
  }
  const described = read(inventory);
  const name = testbed ?? described.name;
  try {
    const { text } = await client.call('testbeds.file', { testbed: name });
    return parseTestbedFile(text, name);
  } catch (error) {
    if (!(error instanceof ContractError) || error.code !== 'no-such-testbed') throw error;
    const file = readFileSync(inventory, 'utf8');
    await client.call('testbeds.create', { name, kind: 'hosts', file, fileName: basename(inventory) });
    process.stderr.write(`Made the testbed ${name} of ${inventory}.\n`);
    return { ...described, name };
  }
}
