import type { Command } from 'commander';
import { type ContractClient, ContractError, type OutputOf } from '../../contract/contract.ts';
import { age, duration, print, printJson, table } from '../output.ts';
import { watchRun } from '../watch-run.ts';
import type { WithClient } from '../with-client.ts';

/** Verbs about runs: those in flight, and the journals of those that are over. */
export function addRunsCommands(testbed: Command, withClient: WithClient): void {
  testbed
    .command('cancel <name>')
    .description('Stop the run in flight after the steps in progress; nothing new is begun')
    .action((name: string) =>
      withClient(async (client) => {
        const current = (await runsOf(client, name)).find(({ state }) => state === 'running');
        if (current === undefined) {
          print(`No run of ${name} is in flight.`);
          return 0;
        }
        await client.call('runs.cancel', { run: current.run });
        print(`${current.run} is being stopped. See how it ends: mlsysops-cli testbed runs watch ${name}`);
        return 0;
      }),
    );

  const runs = testbed.command('runs').description('Runs of a testbed: the one in flight, and earlier ones from their journals');
  runs
    .command('list <name>')
    .description('All runs, the newest first')
    .option('--json', 'print JSON')
    .action((name: string, { json }: { json?: boolean }) =>
      withClient(async (client) => {
        const all = await runsOf(client, name);
        if (json) printJson(all);
        else
          print(
            table(
              ['RUN', 'VERB', 'STATE', 'BEGAN', 'TOOK', 'SUMMARY'],
              all.map(({ run, verb, state, startedAt, finishedAt, summary }) => [
                run,
                verb,
                state,
                `${age(Date.now() - startedAt)} ago`,
                finishedAt === null ? '–' : duration(finishedAt - startedAt),
                summary ?? '–',
              ]),
            ),
          );
        return 0;
      }),
    );

  for (const [verb, description] of [
    ['show', 'Tell an earlier run again; without a run, the last one'],
    ['watch', 'Follow the run in flight to its end; Ctrl-C only ends the watching'],
  ] as const)
    runs
      .command(`${verb} <name> [run]`)
      .description(description)
      .option('--json', 'print its events as JSON lines')
      .action((name: string, run: string | undefined, { json }: { json?: boolean }) =>
        withClient(async (client) => watchRun(client, run ?? (await lastRun(client, name)), json ?? false)),
      );
}

const runsOf = (client: ContractClient, testbed: string): Promise<OutputOf<'runs.list'>> => client.call('runs.list', { testbed });

/** @throws ContractError no-such-run */
async function lastRun(client: ContractClient, testbed: string): Promise<string> {
  const [last] = await runsOf(client, testbed);
  if (last !== undefined) return last.run;
  throw new ContractError('no-such-run', `The testbed "${testbed}" has had no run yet.`, `Begin one: testbed up ${testbed}`);
}
