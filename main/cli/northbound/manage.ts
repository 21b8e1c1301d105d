import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SystemTarget } from '../../../agents/northbound/handlers/sources.ts';
import { exitCodeOf } from '../exit-codes.ts';
import { print, printJson, table } from '../output.ts';
import { list } from '../with-client.ts';
import { diffText, saidText } from './changes.ts';
import { number } from './figures.ts';
import { type ApiOptions, apiCommand, apiHelp, type WithApi, wrong } from './reach.ts';

const modes = ['heuristic', 'ML'] as const;
const relations: Record<string, SystemTarget['relation']> = {
  '<=': 'lower_or_equal',
  '>=': 'greater_or_equal',
  '=': 'equal',
  '<': 'lower_than',
  '>': 'greater_than',
};

/** `mlsysops-cli manage …` */
export function addManageCommands(program: Command, withApi: WithApi): void {
  const manage = program
    .command('manage')
    .description('The system as a whole: is it alive, how does it decide, what is it to keep to')
    .addHelpText(
      'after',
      `
  mlsysops-cli manage ping-agent                          every agent; exit code 4 when one is silent
  mlsysops-cli manage set-mode --mode 1                   decide by learnt models (0: by heuristics)
  mlsysops-cli manage set-system-target 'power_w<=50'     without targets: shows those that are set
  mlsysops-cli manage config-trust --nodes worker-1 --indexes identity,behaviour --weights 0.7,0.3
${apiHelp}`,
    );
  apiCommand(manage, 'ping-agent [agent]', 'Ask one agent, or all of them, whether they are there').action(
    (agent: string | undefined, options: ApiOptions) =>
      withApi(options, async (api) => {
        const told = await api.call('manage.ping', { query: agent === undefined ? {} : { agent } });
        if (options.json) printJson(told);
        else {
          const rows = told.answered.map((one) => [
            one.agent,
            one.layer,
            one.node ?? one.cluster,
            `${number(one.roundTripMs)} ms`,
          ]);
          if (rows.length > 0) print(table(['AGENT', 'LAYER', 'WHERE', 'ANSWERED IN'], rows));
          for (const { agent: name, error } of told.silent) print(`${name} is silent: ${error}`);
        }
        return told.status === 'ok' ? 0 : exitCodeOf('unreachable');
      }),
  );
  apiCommand(manage, 'set-mode', 'Have all agents decide by heuristics (0) or by learnt models (1), from now on')
    .addOption(new Option('--mode <mode>', '0 or 1').choices(['0', '1']).makeOptionMandatory())
    .action((options: ApiOptions & { mode: '0' | '1' }) =>
      withApi(options, async (api) => {
        const told = await api.call('manage.set-mode', { path: { mode: options.mode } });
        if (options.json) printJson(told);
        else print(`Mode ${told.mode}, ${modes[told.mode]}:\n${saidText(told.agents)}`);
        return told.agents.every(({ ok }) => ok) ? 0 : exitCodeOf('refused');
      }),
    );
  apiCommand(
    manage,
    'set-system-target [targets...]',
    'What the whole system is to keep to, as metric<=number; replaces what was set before',
  )
    .option('--clear', 'keep to nothing any more')
    .action((given: string[], options: ApiOptions & { clear?: boolean }) =>
      withApi(options, async (api) => {
        if (options.clear && given.length > 0) throw wrong('--clear and targets contradict each other', 'Give one of both');
        if (!options.clear && given.length === 0) {
          const { targets } = await api.call('manage.targets', {});
          if (options.json) printJson(targets);
          else if (targets.length === 0) print("No target is set: mlsysops-cli manage set-system-target 'power_w<=50'");
          else
            print(
              table(
                ['METRIC', 'WANTED', 'MEAN', ''],
                targets.map(({ metric, relation, target, mean, met }) => [
                  metric,
                  `${relation.replaceAll('_', ' ')} ${target}`,
                  number(mean),
                  met === null ? 'not measured' : met ? 'kept' : 'NOT kept',
                ]),
              ),
            );
          return 0;
        }
        const told = await api.call('manage.set-targets', { body: { targets: given.map(target) } });
        if (options.json) printJson(told);
        else print(diffText('continuum', told));
        return 0;
      }),
    );
  apiCommand(manage, 'config-trust', 'Which indexes of trust count for how much, on which nodes')
    .option('--nodes <nodes>', 'ids of nodes; without it, all', list)
    .requiredOption('--indexes <indexes>', 'identity, behaviour, capability', list)
    .requiredOption('--weights <weights>', 'one for each index, 0 to 1', weights)
    .action((options: ApiOptions & { nodes?: string[]; indexes: string[]; weights: number[] }) =>
      withApi(options, async (api) => {
        const { nodes = [], indexes, weights: given } = options;
        if (indexes.length !== given.length)
          throw wrong(`${indexes.length} indexes and ${given.length} weights`, 'Give a weight for each index');
        const body = { nodes, weights: Object.fromEntries(indexes.map((index, at) => [index, given[at] ?? 0])) };
        const told = await api.call('manage.config-trust', { body });
        if (options.json) printJson(told);
        else print(saidText(told.agents));
        return told.agents.every(({ ok }) => ok) ? 0 : exitCodeOf('refused');
      }),
    );
}

function target(text: string): SystemTarget {
  const [, metric, relation, number] = /^\s*([A-Za-z_][\w.]*)\s*(<=|>=|=|<|>)\s*(\S+)\s*$/.exec(text) ?? [];
  const known = relations[relation ?? ''];
  if (metric === undefined || known === undefined || !Number.isFinite(Number(number)))
    throw wrong(`"${text}" is no target`, "Give targets as metric<=number, in quotes: 'power_w<=50'");
  return { metric, relation: known, target: Number(number) };
}

function weights(text: string): number[] {
  const all = text.split(',').map(Number);
  if (all.some((one) => !(one >= 0 && one <= 1))) throw new InvalidArgumentError('give numbers from 0 to 1: 0.7,0.3');
  return all;
}
