import type { Command } from 'commander';
import { isAct } from '../../agents/decision/record.ts';
import { addRecordingCommands } from './decision-recordings.ts';
import { printJson } from './output.ts';
import type { Here, WithClient } from './with-client.ts';

/** `mlsysops-cli decisions …`: what the agents did, and what they left, with the reason. */
export function addDecisionCommands(program: Command, withClient: WithClient, here: Here): void {
  const decisions = program.command('decisions').description('What the agents decided, and why');
  decisions
    .command('list <testbed>')
    .description('Newest first; ▲ an act, ○ a decision not to act')
    .option('--limit <n>', 'at most so many', '50')
    .option('--json', 'print the whole records as JSON')
    .action((testbed: string, options: { limit: string; json?: boolean }) =>
      withClient(async (client) => {
        const records = await client.call('decisions.list', { testbed, limit: Number(options.limit) });
        if (options.json) {
          printJson(records);
          return 0;
        }
        for (const record of records) {
          const time = new Date(record.time).toLocaleTimeString('en-GB');
          process.stdout.write(`${time}  ${isAct(record) ? '▲' : '○'} ${record.agent.id.padEnd(18)} ${record.sentence}\n`);
        }
        if (records.length === 0) process.stdout.write('No decision yet.\n');
        return 0;
      }),
    );
  addRecordingCommands(decisions, withClient, here);
}
