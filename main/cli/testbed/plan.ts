import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { PlanValue } from '../../../provisioning/run/events.ts';
import { writePlan } from '../../../provisioning/run/plan-file.ts';
import { answerSecrets } from '../ask.ts';
import { exitCodeOf } from '../exit-codes.ts';
import { print, printJson, table } from '../output.ts';
import { list, type WithClient } from '../with-client.ts';

/** Verbs that look and change nothing. */
export function addPlanCommands(testbed: Command, withClient: WithClient): void {
  testbed
    .command('check <name>')
    .description('Is every host fit, and do they reach each other where they will have to? Changes nothing')
    .option('--all', 'also what is as it should be')
    .option('--json', 'print JSON: checks, and the matrix of who reaches whom')
    .action((name: string, options: { all?: boolean; json?: boolean }) =>
      withClient(async (client) => {
        const secrets = answerSecrets(client, name);
        try {
          const { checks = [], reachability = { ways: [] } } = await client.call('testbeds.check', { testbed: name });
          if (options.json) printJson({ checks, reachability });
          else printChecks({ checks, reachability }, options.all ?? false);
          const error = checks.find(({ severity }) => severity === 'error');
          // A host that could not be looked at has the class of that failure.
          return error === undefined ? 0 : exitCodeOf(error.id) > 1 ? exitCodeOf(error.id) : exitCodeOf('preflight');
        } finally {
          secrets.close();
        }
      }),
    );

  testbed
    .command('plan <name>')
    .description('What "up" would change, per host; changes nothing')
    .option('--only <phases>', 'these phases alone (ids, with commas)', list)
    .option('--skip <phases>', 'all but these phases', list)
    .option('--host <hosts>', 'these hosts alone', list)
    .option('--out <file>', 'keep the plan in a file, for "up --plan"')
    .option('--json', 'print the plan as JSON')
    .action((name: string, options: { only?: string[]; skip?: string[]; host?: string[]; out?: string; json?: boolean }) =>
      withClient(async (client) => {
        const secrets = answerSecrets(client, name);
        try {
          const { only, skip, host: hosts } = options;
          const plan = await client.call('testbeds.plan', { testbed: name, only, skip, hosts });
          if (options.out !== undefined) writeFileSync(options.out, writePlan(plan), { mode: 0o600 });
          if (options.json) printJson(plan);
          else printPlan(plan);
          if (options.out !== undefined && !options.json)
            print(`Kept in ${options.out}. Next: mlsysops-cli testbed up ${name} --plan ${options.out}`);
          return 0;
        } finally {
          secrets.close();
        }
      }),
    );
}

function printPlan({ steps, warnings }: PlanValue): void {
  const words = { change: 'change', 'in-place': 'in place', later: 'told later' } as const;
  const rows = steps.map((step) => [step.host, step.phase, words[step.state], step.title]);
  print(table(['HOST', 'PHASE', 'STATE', 'STEP'], rows));
  for (const { host, text, remedy } of warnings)
    print(`warning: ${host ? `${host}: ` : ''}${text}${remedy ? `. ${remedy}` : ''}`);
  const count = (state: string) => steps.filter((step) => step.state === state).length;
  print(`${count('change')} to change, ${count('in-place')} in place, ${count('later')} that later phases will tell.`);
}

function printChecks({ checks, reachability }: Required<Pick<PlanValue, 'checks' | 'reachability'>>, all: boolean): void {
  const shown = checks.filter(({ severity }) => all || severity !== 'ok');
  const rows = shown.map(({ host, severity, id, evidence, remedy }) => [
    host,
    severity,
    id,
    `${evidence}${remedy ? `. ${remedy}` : ''}`,
  ]);
  if (rows.length > 0) print(`${table(['HOST', 'RESULT', 'CHECK', 'FOUND'], rows)}\n`);
  const ways = reachability.ways.filter(({ answer }) => all || answer !== 'open');
  const wayRows = ways.map(({ from, to, port, protocol, answer, purpose, detail }) => [
    from,
    `${to}:${port}/${protocol}`,
    detail ? `${answer} (${detail})` : answer,
    purpose,
  ]);
  if (wayRows.length > 0) print(`${table(['FROM', 'TO', 'ANSWER', 'FOR'], wayRows)}\n`);
  const open = reachability.ways.filter(({ answer }) => answer === 'open').length;
  const count = (severity: string) => checks.filter((check) => check.severity === severity).length;
  print(
    `${count('ok')} fine, ${count('warning')} to look at, ${count('error')} in the way; ${open} of ${reachability.ways.length} ways between hosts are open.`,
  );
}
