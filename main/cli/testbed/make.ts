import { readFileSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { Failure } from '../../../provisioning/run/failure.ts';
import { SshConfig } from '../../../provisioning/ssh/config.ts';
import { type ChosenHost, testbedOf } from '../../../provisioning/testbed/choose.ts';
import { parseTestbedFile } from '../../../provisioning/testbed/parse.ts';
import { hostRoleSchema } from '../../../provisioning/testbed/schema.ts';
import { writeTestbedFile } from '../../../provisioning/testbed/write.ts';
import { print, printJson, table } from '../output.ts';
import { type Here, list, type WithClient } from '../with-client.ts';

/** Verbs that make testbeds known, and forget them. */
export function addMakeCommands(testbed: Command, withClient: WithClient, here: Here): void {
  testbed
    .command('import')
    .description('Write a testbed.yaml from an Ansible inventory, another testbed.yaml, or hosts of ~/.ssh/config')
    .option('--inventory <file>', 'Ansible inventory of the framework, or a testbed.yaml')
    .option(
      '--ssh-config <hosts>',
      'hosts of ~/.ssh/config as host=role[@cluster],…: gate=management,pi-1=master,pi-2=worker',
      list,
    )
    .option('--name <name>', 'name of the testbed')
    .option('--out <file>', 'write to this file instead of standard output')
    .action((options: { inventory?: string; sshConfig?: string[]; name?: string; out?: string }) =>
      here(async () => {
        const { inventory, sshConfig, name, out } = options;
        if ((inventory === undefined) === (sshConfig === undefined)) {
          const known = SshConfig.read().hosts();
          const rows = known.map(({ alias, hostName, port, user }) => [alias, hostName, String(port), user]);
          if (rows.length > 0) print(`Hosts of ~/.ssh/config:\n${table(['HOST', 'ADDRESS', 'PORT', 'USER'], rows)}\n`);
          throw wrongUse('name either --inventory FILE or --ssh-config host=role,…');
        }
        const made =
          inventory !== undefined
            ? parseTestbedFile(readFileSync(inventory, 'utf8'), inventory)
            : testbedOf(name ?? 'lab', (sshConfig ?? []).map(chosenHost));
        const text = writeTestbedFile(name === undefined ? made : { ...made, name });
        if (out === undefined) process.stdout.write(text);
        else {
          writeFileSync(out, text);
          print(
            `Wrote ${out}: ${made.hosts.length} hosts. Next: mlsysops-cli testbed create ${name ?? made.name} --kind hosts --from ${out}`,
          );
        }
        return 0;
      }),
    );

  testbed
    .command('create <name>')
    .description('Name a testbed: "local" makes four real hosts on this computer, "hosts" takes yours, "twin" simulates them')
    .addOption(new Option('--kind <kind>', 'where its hosts come from').choices(['local', 'hosts', 'twin']).makeOptionMandatory())
    .option('--from <file>', 'testbed.yaml or Ansible inventory (kind hosts); what is simulated (kind twin; default: four hosts)')
    .option('--bundle <folder>', 'offline bundle to install from')
    .option('--json', 'print JSON')
    .action((name: string, options: { kind: 'local' | 'hosts' | 'twin'; from?: string; bundle?: string; json?: boolean }) =>
      withClient(async (client) => {
        const { kind, from, bundle } = options;
        const created = await client.call('testbeds.create', {
          name,
          kind,
          ...(bundle === undefined ? {} : { bundle: resolve(bundle) }),
          ...(from === undefined ? {} : { file: readFileSync(from, 'utf8'), fileName: basename(from) }),
        });
        if (options.json) printJson(created);
        else print(`Created ${created.name}. Next: mlsysops-cli testbed plan ${name}, then testbed up ${name}`);
        return 0;
      }),
    );

  testbed
    .command('change <name>')
    .description('Put another file in the place of its testbed.yaml; the next plan and "up" go by it')
    .requiredOption('--from <file>', 'testbed.yaml or Ansible inventory')
    .action((name: string, { from }: { from: string }) =>
      withClient(async (client) => {
        const file = readFileSync(from, 'utf8');
        await client.call('testbeds.change', { testbed: name, file, fileName: basename(from) });
        print(`Changed ${name}. Next: mlsysops-cli testbed plan ${name}`);
        return 0;
      }),
    );

  testbed
    .command('file <name>')
    .description('Its testbed.yaml as it stands')
    .action((name: string) =>
      withClient(async (client) => {
        process.stdout.write((await client.call('testbeds.file', { testbed: name })).text);
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
          const rows = all.map((one) => [
            one.name,
            one.kind,
            one.state,
            String(one.hosts.length),
            one.doubles.map((double) => double.split(':')[0]).join(', ') || '–',
          ]);
          print(table(['NAME', 'KIND', 'STATE', 'HOSTS', 'DOUBLES'], rows));
        }
        return 0;
      }),
    );

  testbed
    .command('remove <name>')
    .description('Forget a testbed that is down; local hosts are destroyed')
    .action((name: string) =>
      withClient(async (client) => {
        await client.call('testbeds.remove', { testbed: name });
        print(`Removed ${name}`);
        return 0;
      }),
    );
}

/** "pi-2=worker@cluster1" */
function chosenHost(text: string): ChosenHost {
  const [, address = '', role = '', cluster] = /^([^=]+)=([a-z]+)(?:@(.+))?$/.exec(text) ?? [];
  const known = hostRoleSchema.safeParse(role);
  if (!known.success) throw wrongUse(`"${text}" is no host=role[@cluster]; roles: ${hostRoleSchema.options.join(', ')}`);
  return { address, role: known.data, ...(cluster === undefined ? {} : { cluster }) };
}

const wrongUse = (cause: string): Failure => new Failure({ code: 'invalid-input', cause });
