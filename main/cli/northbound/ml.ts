import type { Command } from 'commander';
import { parse } from 'yaml';
import { z } from 'zod';
import { modelSchema } from '../../../agents/northbound/endpoints/ml.ts';
import { age, print, printJson, table } from '../output.ts';
import { number } from './figures.ts';
import { type ApiOptions, apiCommand, apiHelp, type WithApi, wrong } from './reach.ts';
import { readSource, type Source, sourceOptions } from './source.ts';

/** `mlsysops-cli ml …` */
export function addModelCommands(program: Command, withApi: WithApi): void {
  const ml = program
    .command('ml')
    .description('Models that are served over HTTP: register them, see whether they answer, ask them')
    .addHelpText(
      'after',
      `
A model's file:
  name: latency
  kind: regression
  endpoint: http://192.168.1.20:8090      serves POST /prediction {data, explanation} → {inference, explanation}
  example: { people: 5 }                  optional: it is asked this, to see whether it serves

  mlsysops-cli ml deploy-ml --path latency.yaml
  mlsysops-cli ml predict latency people=5
${apiHelp}`,
    );
  sourceOptions(
    apiCommand(ml, 'deploy-ml', 'Register a model, and ask it at once; one of that name is replaced'),
    'about the model (YAML or JSON)',
  ).action((options: ApiOptions & Source) =>
    withApi(options, async (api) => {
      const { text, name } = await readSource(options);
      const model = modelSchema.safeParse(parse(text));
      if (!model.success) throw wrong(`${name}: ${z.prettifyError(model.error)}`, 'mlsysops-cli ml --help shows an example');
      const told = await api.call('ml.deploy', { body: model.data });
      if (options.json) printJson(told);
      else print(`Registered ${told.name} as ${told.uid}: ${stateText(told)}`);
      return 0;
    }),
  );
  apiCommand(ml, 'list-all', 'All registered models')
    .option('--kind <kind>', 'of this kind alone')
    .action((options: ApiOptions & { kind?: string }) =>
      withApi(options, async (api) => {
        const all = await api.call('ml.list', { query: options.kind === undefined ? {} : { kind: options.kind } });
        if (options.json) printJson(all);
        else if (all.length === 0) print('No model is registered: mlsysops-cli ml deploy-ml --path FILE');
        else
          print(
            table(
              ['NAME', 'KIND', 'ENDPOINT', 'REGISTERED', 'ID'],
              all.map((one) => [one.name, one.kind ?? '–', one.endpoint, `${age(Date.now() - one.registeredAt)} ago`, one.uid]),
            ),
          );
        return 0;
      }),
    );
  apiCommand(ml, 'get-status <model>', 'Whether a model serves now: it is asked. By name or id').action(
    (uid: string, options: ApiOptions) =>
      withApi(options, async (api) => {
        const told = await api.call('ml.status', { path: { uid } });
        if (options.json) printJson(told);
        else print(`${told.name} at ${told.endpoint}: ${stateText(told)}`);
        return 0;
      }),
  );
  apiCommand(ml, 'predict <model> <features...>', 'Ask a model: features as name=number').action(
    (uid: string, features: string[], options: ApiOptions) =>
      withApi(options, async (api) => {
        const told = await api.call('ml.predict', { path: { uid }, body: { data: Object.fromEntries(features.map(feature)) } });
        const { inference, explanation } = told;
        if (options.json) printJson(told);
        else {
          print(number(inference));
          if (explanation) {
            const parts = Object.entries(explanation.contributions).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
            print(
              table(
                ['BECAUSE OF', 'CONTRIBUTES'],
                [['(base)', number(explanation.base)], ...parts.map(([name, value]) => [name, number(value)])],
              ),
            );
          }
        }
        return 0;
      }),
  );
  apiCommand(ml, 'remove-ml <model>', 'Forget a model; whoever serves it is not touched').action(
    (uid: string, options: ApiOptions) =>
      withApi(options, async (api) => {
        const told = await api.call('ml.remove', { path: { uid } });
        if (options.json) printJson(told);
        else print(`Forgot ${told.name}.`);
        return 0;
      }),
  );
}

function stateText({ state, reason, roundTripMs }: { state: string; reason: string | null; roundTripMs: number | null }): string {
  if (state === 'failing') return `FAILING: ${reason ?? 'it does not answer'}`;
  return `${state === 'serving' ? 'serving, it answered its example' : 'reachable; without an "example" it is not asked more'} in ${number(roundTripMs)} ms`;
}

function feature(text: string): [string, number] {
  const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined || !Number.isFinite(Number(value)))
    throw wrong(`"${text}" is no feature`, 'Give features as name=number: people=5');
  return [name, Number(value)];
}
