import type { Command } from 'commander';
import { exitCodesHelp } from './exit-codes.ts';
import { addHostCommands } from './testbed/hosts.ts';
import { addLookCommands } from './testbed/look.ts';
import { addMakeCommands } from './testbed/make.ts';
import { addPlanCommands } from './testbed/plan.ts';
import { addRunCommands } from './testbed/run.ts';
import { addRunsCommands } from './testbed/runs.ts';
import type { Here, WithClient } from './with-client.ts';

/** `mlsysops-cli testbed …`: everything about having a testbed. */
export function addTestbedCommands(program: Command, withClient: WithClient, here: Here): void {
  const testbed = program
    .command('testbed')
    .description('Create, check, set up, change, look at and take down testbeds')
    .addHelpText(
      'after',
      `
From hosts to a testbed:
  mlsysops-cli testbed import --inventory inventory.yml --out testbed.yaml
  mlsysops-cli testbed create lab --kind hosts --from testbed.yaml
  mlsysops-cli testbed trust lab            compare the fingerprints, then: testbed trust lab --all
  mlsysops-cli testbed check lab            is every host fit, and do they reach each other? Changes nothing
  mlsysops-cli testbed plan lab --out lab.plan.json
  mlsysops-cli testbed up lab --plan lab.plan.json

A command that was interrupted is given again: it goes on from where the hosts are.

${exitCodesHelp}`,
    );
  addMakeCommands(testbed, withClient, here);
  addPlanCommands(testbed, withClient);
  addRunCommands(testbed, withClient);
  addHostCommands(testbed, withClient);
  addRunsCommands(testbed, withClient);
  addLookCommands(testbed, withClient);
}
