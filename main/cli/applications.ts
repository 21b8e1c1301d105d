import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { printJson, table } from './output.ts';
import type { WithClient } from './with-client.ts';

/** `mlsysops-cli apps …`: the framework's verbs for applications. */
export function addApplicationCommands(program: Command, withClient: WithClient): void {
  const apps = program.command('apps').description('Deploy, look at and remove applications');
  apps
    .command('deploy-app <testbed>')
    .requiredOption('--path <file>', 'MLSysOpsApp description (YAML)')
    .action((testbed: string, options: { path: string }) =>
      withClient(async (client) => {
        const { application } = await client.call('applications.deploy', {
          testbed,
          description: readFileSync(options.path, 'utf8'),
        });
        process.stdout.write(
          `${application} was accepted. It is deployed when every component is ready: mlsysops-cli apps list-all ${testbed}\n`,
        );
        return 0;
      }),
    );
  apps
    .command('list-all <testbed>')
    .option('--json', 'print JSON')
    .action((testbed: string, options: { json?: boolean }) =>
      withClient(async (client) => {
        const all = await client.call('applications.list', { testbed });
        if (options.json) printJson(all);
        else {
          const rows = all.flatMap((app) =>
            app.components.map((component) => [
              app.application,
              app.state,
              component.name,
              component.state,
              component.node ?? '–',
            ]),
          );
          process.stdout.write(`${table(['APPLICATION', 'STATE', 'COMPONENT', 'STATE', 'NODE'], rows)}\n`);
        }
        return 0;
      }),
    );
  apps.command('remove-app <testbed> <application>').action((testbed: string, application: string) =>
    withClient(async (client) => {
      await client.call('applications.remove', { testbed, application });
      process.stdout.write(`${application} is being removed\n`);
      return 0;
    }),
  );
}
