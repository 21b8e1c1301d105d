import { type Command, Option } from 'commander';
import type { EventOf } from '../contract/contract.ts';
import { answerSecrets } from './ask.ts';
import { print } from './output.ts';
import { style, wantsColour } from './style.ts';
import type { WithClient } from './with-client.ts';

type Line = EventOf<'agents.logs'>[number];

/** `mlsysops-cli agents …` */
export function addAgentCommands(program: Command, withClient: WithClient): void {
  const agents = program.command('agents').description('What agents on hosts have said (see "agent" for how they decide)');
  agents
    .command('logs <testbed> <host>')
    .description('What an agent on a host has said, from the journal there')
    .addOption(new Option('--layer <layer>', 'which agent').choices(['node', 'cluster', 'continuum']).default('node'))
    .option('-f, --follow', 'go on with what comes, until Ctrl-C')
    .option('-n, --lines <count>', 'of what is there, the last so many', '200')
    .option('--json', 'print JSON lines')
    .action(
      (
        testbed: string,
        host: string,
        options: { layer: 'node' | 'cluster' | 'continuum'; follow?: boolean; lines: string; json?: boolean },
      ) =>
        withClient((client) => {
          const { layer, follow } = options;
          const secrets = answerSecrets(client, testbed);
          const told = options.json ? (line: Line) => print(JSON.stringify(line)) : human();
          return new Promise<number>((resolve, reject) => {
            const stream = client.open(
              'agents.logs',
              { testbed, host, layer, follow, lines: Number(options.lines) },
              (lines) => lines.forEach(told),
              (error) => {
                process.off('SIGINT', stop);
                if (error) reject(error);
                else resolve(0);
              },
            );
            const stop = () => {
              stream.close();
              resolve(0);
            };
            process.once('SIGINT', stop);
          }).finally(() => secrets.close());
        }),
    );
}

function human(): (line: Line) => void {
  const colours = style(wantsColour(process.stdout, process.env));
  return ({ time, level, text, details }) => {
    const more = Object.keys(details).length === 0 ? '' : ` ${JSON.stringify(details)}`;
    const line = `${new Date(time).toISOString()}  ${level.padEnd(5)} ${text}${more}`;
    print(level === 'error' ? colours.bad(line) : level === 'warn' ? colours.attention(line) : line);
  };
}
