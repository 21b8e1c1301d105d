import type { Command } from 'commander';
import type { DryRunResult, DryRunSide } from '../../provisioning/twin/dry-run/result.ts';
import type { ContractClient, EventOf, InputOf } from '../contract/contract.ts';
import { type GivenPolicy, policyIn, policyName, policyOptions } from './northbound/given-policy.ts';
import { wrong } from './northbound/reach.ts';
import { duration, print, printJson, table } from './output.ts';
import type { WithClient } from './with-client.ts';

interface Options extends GivenPolicy {
  off?: string;
  minutes: string;
  seed: string;
  json?: boolean;
}

/** Decisions that are printed of each side; --json has more. */
const mostPrinted = 12;

/** `mlsysops-cli agent dry-run …`: what would come of a policy, before it goes live. */
export function addDryRunCommand(agent: Command, withClient: WithClient): void {
  const command = agent
    .command('dry-run <testbed> <agent>')
    .description(
      'Simulate a cluster from its present state on: with its policies as they are, and with one changed. The testbed is only looked at',
    );
  policyOptions(command)
    .option('--off <name>', 'go on without this policy')
    .option('--minutes <n>', 'simulated minutes', '30')
    .option('--seed <n>', 'same seed, same scenario', '1')
    .option('--json', 'print everything as JSON')
    .action((testbed: string, name: string, options: Options) =>
      withClient(async (client) => {
        const policy = options.off === undefined ? settled(options) : { name: policyName(options.off), off: true as const };
        const { minutes, seed } = options;
        const result = await finished(client, {
          testbed,
          agent: name,
          policy,
          minutes: numberIn(minutes, '--minutes'),
          seed: numberIn(seed, '--seed'),
        });
        if (options.json) printJson(result);
        else tell(result);
        return 0;
      }),
    );
}

function settled(options: GivenPolicy) {
  const { name, body } = policyIn(options);
  return { name, ...body };
}

function numberIn(text: string, option: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw wrong(`${option} ${text} is no number`, 'See mlsysops-cli agent dry-run --help');
}

/** Goes with it to its end; how far it is shows on stderr where that is a terminal. */
function finished(client: ContractClient, input: InputOf<'policies.dryRun'>): Promise<DryRunResult> {
  const show = (text: string): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  };
  return new Promise((resolve, reject) => {
    let result: DryRunResult | null = null;
    const hear = (event: EventOf<'policies.dryRun'>): void => {
      if (event.type === 'present') show(`${event.nodes} nodes, ${event.components} components, ${event.readings} readings`);
      else if (event.type === 'progress') show(`${event.side}: ${Math.round(100 * event.done)} %`);
      else result = event.result;
    };
    client.open('policies.dryRun', input, hear, (error) => {
      show('');
      if (result) resolve(result);
      else reject(error ?? new Error('the dry run ended without a result'));
    });
  });
}

const percent = (share: number | null): string => (share === null ? 'not simulated' : `${(100 * share).toFixed(1)} %`);
const figure = (value: number | null, unit: string): string => (value === null ? '–' : `${value.toPrecision(3)} ${unit}`.trim());

/** Both sides, one beside the other. */
export function tell(result: DryRunResult): void {
  const { present, candidate, minutes, seed, wallMs, parameters, notes } = result;
  const sides = [present, candidate];
  const row = (what: string, of: (side: DryRunSide) => string): string[] => [what, ...sides.map(of)];
  const targets = present.targets.flatMap(({ application, component, metric, target, unit }, index) => [
    row(`${component} of ${application}: over ${target} ${unit}`.trim(), (side) =>
      percent(side.targets[index]?.overTarget ?? null),
    ),
    row(`  mean ${metric}`, (side) => figure(side.targets[index]?.mean ?? null, unit)),
  ]);
  print(
    table(
      ['', 'AS IT IS', 'CHANGED'],
      [
        ...targets,
        row('components moved', ({ moves }) => String(moves)),
        row('other changes', ({ changes }) => String(changes)),
        row('plans that failed', ({ failedPlans }) => String(failedPlans)),
        row('decisions, acts among them', ({ decided, acts }) => `${decided}, ${acts}`),
        row('energy', ({ energyWh }) => `${energyWh.toFixed(2)} Wh`),
      ],
    ),
  );
  for (const [title, side] of [
    ['As it is', present],
    ['Changed', candidate],
  ] as const) {
    print(`\n${title}:`);
    const acts = side.decisions.filter(({ isAct }) => isAct);
    for (const { atS, sentence } of acts.slice(0, mostPrinted)) print(`  ${clock(atS)}  ${sentence}`);
    if (acts.length === 0) print('  nothing is changed');
    if (side.acts > mostPrinted) print(`  and ${side.acts - mostPrinted} more: see --json`);
    for (const { policy, text } of side.failures) print(`  went wrong: ${policy ? `${policy}: ` : ''}${text}`);
    for (const line of side.printed.slice(0, mostPrinted)) print(`  | ${line}`);
  }
  print(`\n${minutes} simulated minutes, seed ${seed}, in ${duration(wallMs)}. What was simulated:`);
  print(
    table(
      ['PARAMETER', 'VALUE', 'OF', 'FROM'],
      parameters.map(({ name, value, unit, of, origin, source }) => [
        name,
        `${value} ${unit}`.trim(),
        of.length > 2 ? `${of[0]} and ${of.length - 1} more` : of.join(', '),
        `${origin}: ${source}`,
      ]),
    ),
  );
  for (const note of notes) print(note);
}

const clock = (seconds: number): string => {
  const whole = Math.floor(seconds);
  return `${String(Math.floor(whole / 60)).padStart(3)}:${String(whole % 60).padStart(2, '0')}`;
};
