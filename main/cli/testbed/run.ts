import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { readPlan } from '../../../provisioning/run/plan-file.ts';
import { carryOut } from '../watch-run.ts';
import { list, type WithClient } from '../with-client.ts';

interface RunOptions {
  takeOver?: boolean;
  json?: boolean;
}

/** A verb that starts a run: what all of them take. */
export const runCommand = (testbed: Command, usage: string, description: string): Command =>
  testbed
    .command(usage)
    .description(description)
    .option('--take-over', 'take hosts over from a run of somebody else')
    .option('--json', 'print the events of the run as JSON lines');

/** Verbs about the whole testbed. */
export function addRunCommands(testbed: Command, withClient: WithClient): void {
  runCommand(testbed, 'up <name>', 'Set it up, or go on where it stopped; a second time changes nothing')
    .option('--plan <file>', 'only if the hosts still are what this plan was made of')
    .option('--only <phases>', 'these phases alone (ids, with commas)', list)
    .option('--skip <phases>', 'all but these phases', list)
    .option('--host <hosts>', 'these hosts alone', list)
    .option('--bundle <folder>', 'offline bundle to install from, now and later')
    .action(
      (
        name: string,
        options: RunOptions & { plan?: string; only?: string[]; skip?: string[]; host?: string[]; bundle?: string },
      ) =>
        withClient(async (client) => {
          const { takeOver, skip, bundle } = options;
          const plan = options.plan === undefined ? undefined : readPlan(readFileSync(options.plan, 'utf8'));
          const { only, host: hosts } = options;
          const wishes = { takeOver, plan, only, skip, hosts, bundle: bundle === undefined ? undefined : resolve(bundle) };
          return carryOut(client, name, options.json ?? false, () => client.call('testbeds.up', { testbed: name, ...wishes }));
        }),
    );

  for (const [verb, description] of [
    ['down', 'Take it down and leave the hosts as they were'],
    ['reset', 'The same as "down"; with --host, one host alone, whatever state it and the others are in'],
  ] as const)
    runCommand(testbed, `${verb} <name>`, description)
      .option('--host <host>', 'this host alone; nobody else is contacted')
      .action((name: string, { host, takeOver, json }: RunOptions & { host?: string }) =>
        withClient((client) =>
          carryOut(client, name, json ?? false, () =>
            host === undefined
              ? client.call('testbeds.down', { testbed: name, takeOver })
              : client.call('testbeds.operate', { testbed: name, takeOver, operation: { kind: 'reset-host', host } }),
          ),
        ),
      );

  runCommand(
    testbed,
    'upgrade <name> <version>',
    'Upgrade Kubernetes by one minor version: control planes, then workers one by one',
  )
    .option('--bundle <folder>', 'offline bundle that holds the new version')
    .option('--force', 'also evict pods that nobody makes anew')
    .action(
      (name: string, version: string, { bundle, force, takeOver, json }: RunOptions & { bundle?: string; force?: boolean }) =>
        withClient((client) =>
          carryOut(client, name, json ?? false, () =>
            client.call('testbeds.operate', {
              testbed: name,
              takeOver,
              operation: {
                kind: 'upgrade',
                version: version.replace(/^v/, ''),
                force,
                bundle: bundle === undefined ? undefined : resolve(bundle),
              },
            }),
          ),
        ),
    );

  runCommand(
    testbed,
    'rotate-certificates <name>',
    'New certificates for Kubernetes and the bus, by the same authorities',
  ).action((name: string, { takeOver, json }: RunOptions) =>
    withClient((client) =>
      carryOut(client, name, json ?? false, () =>
        client.call('testbeds.operate', { testbed: name, takeOver, operation: { kind: 'rotate-certificates' } }),
      ),
    ),
  );
}
