import { Command, CommanderError } from 'commander';
import { dataFolder } from '../core/folders.ts';
import { stopCore } from '../transport/attach.ts';
import { addAgentCommands } from './agents.ts';
import { addBundleCommands } from './bundle.ts';
import { addCompletionCommands } from './completion.ts';
import { connectToCore } from './connect.ts';
import { addDecisionCommands } from './decisions.ts';
import { addEvaluateCommands } from './evaluate.ts';
import { exitCodesHelp } from './exit-codes.ts';
import { addAgentSettingCommands } from './northbound/agent.ts';
import { addApplicationCommands } from './northbound/apps.ts';
import { addEventsCommand } from './northbound/events.ts';
import { addFrameworkCommands } from './northbound/framework.ts';
import { addInfraCommands } from './northbound/infra.ts';
import { addManageCommands } from './northbound/manage.ts';
import { addModelCommands } from './northbound/ml.ts';
import { withApiOf } from './northbound/reach.ts';
import { reportError } from './output.ts';
import { openTerminal } from './ssh.ts';
import { addTestbedCommands } from './testbed.ts';
import { addTwinCommands } from './twin.ts';
import type { Here, WithClient } from './with-client.ts';

export { serve } from './serve.ts';

/** The command line as a tree: what it has, `--help` tells and completion offers. */
export function makeProgram(withClient: WithClient, here: Here): Command {
  const program = new Command('mlsysops-cli')
    .description('From four bare hosts to an explained, autonomic edge-cloud testbed')
    .addHelpText('after', `\n${exitCodesHelp}\n\nMLSYSOPS_DATA: another data folder. NO_COLOR: no colours.`)
    .showSuggestionAfterError()
    .exitOverride();
  addTestbedCommands(program, withClient, here);
  addBundleCommands(program, withClient, here);
  addAgentCommands(program, withClient);
  addDecisionCommands(program, withClient, here);
  addTwinCommands(program, withClient);
  const withApi = withApiOf(withClient, here);
  addApplicationCommands(program, withApi);
  addInfraCommands(program, withApi);
  addModelCommands(program, withApi);
  addManageCommands(program, withApi);
  addAgentSettingCommands(program, withApi, withClient);
  addFrameworkCommands(program, withClient, withApi);
  addEventsCommand(program, withApi);
  addEvaluateCommands(program, here);
  program
    .command('ssh <testbed> <host>')
    .description('A terminal on a host')
    .action((testbed: string, host: string) => withClient((client) => openTerminal(client, testbed, host)));
  addCompletionCommands(program);
  const core = program.command('core').description('The background process that window, browser and CLI share');
  core
    .command('stop')
    .description('End it, with its twins; it starts again by itself')
    .action(() =>
      here(async () => {
        if (!(await stopCore(dataFolder(process.env)))) process.stdout.write('No core is running.\n');
        return 0;
      }),
    );
  return program;
}

/** Runs one command line. @returns its exit code: 0, or by class of failure. */
export async function run(argv: string[]): Promise<number> {
  let code = 0;
  const here: Here = async (use) => {
    try {
      code = await use();
    } catch (error) {
      code = reportError(error);
    }
  };
  const withClient: WithClient = (use) =>
    here(async () => {
      const connection = await connectToCore();
      try {
        return await use(connection.client);
      } finally {
        connection.close();
      }
    });
  try {
    await makeProgram(withClient, here).parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return reportError(error);
  }
  return code;
}
