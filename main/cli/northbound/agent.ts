import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { ChangeAnswer } from '../../../agents/bus/administration.ts';
import { layerSchema } from '../../../agents/decision/record.ts';
import { type NorthboundClient, NorthboundError } from '../../../agents/northbound/client.ts';
import { addDryRunCommand } from '../dry-run.ts';
import { exitCodeOf } from '../exit-codes.ts';
import { age, print, printJson, table } from '../output.ts';
import type { WithClient } from '../with-client.ts';
import { diffText } from './changes.ts';
import { number } from './figures.ts';
import { type GivenPolicy, objectIn, policyIn, policyName, policyOptions } from './given-policy.ts';
import { type ApiOptions, apiCommand, apiHelp, type WithApi, wrong } from './reach.ts';

interface OfAgent extends ApiOptions {
  agent: string;
}

/** `mlsysops-cli agent …` */
export function addAgentSettingCommands(program: Command, withApi: WithApi, withClient: WithClient): void {
  const agent = program
    .command('agent')
    .description('How agents decide: their policies and settings')
    .addHelpText(
      'after',
      `
--agent takes a layer (node, cluster, continuum: all agents of it), or one agent's name (node-worker-1). Each change is checked by the agent before
anything happens, is kept over its restarts, and is shown as a diff.

  mlsysops-cli agent list
  mlsysops-cli agent set-policy --agent cluster --file policy-mine.py
  mlsysops-cli agent try-policy cluster-cluster1 --file policy-mine.ts  what it would decide now; nothing is carried out
  mlsysops-cli agent dry-run lab cluster-cluster1 --file policy-mine.ts what would come of it, simulated from the present state on
  mlsysops-cli agent set-policy --agent cluster-cluster1 --name relocate-by-latency --settings '{"margin": 0.2}'
  mlsysops-cli agent delete-policy --agent cluster mine
  mlsysops-cli agent set-config --agent node --file config.yaml         telemetryMs: 2000
  mlsysops-cli agent delete-config --agent node telemetryMs
${apiHelp}`,
    );
  const ofAgent = (usage: string, description: string): Command =>
    apiCommand(agent, usage, description).requiredOption(
      '--agent <agent>',
      'a layer (node, cluster, continuum), or the name of one agent',
    );

  apiCommand(agent, 'list', 'All agents that were ever heard').action((options: ApiOptions) =>
    withApi(options, async (api) => {
      const all = await api.call('agents.list', {});
      if (options.json) printJson(all);
      else
        print(
          table(
            ['AGENT', 'LAYER', 'WHERE', 'STATE', 'RUNNING FOR', 'VERSION'],
            all.map((one) => [
              one.agent,
              one.layer,
              one.node ?? one.cluster,
              one.alive ? (one.role ?? 'alive') : `silent`,
              one.alive ? age(one.lastHeartbeat - one.startedAt) : '–',
              one.version,
            ]),
          ),
        );
      return 0;
    }),
  );
  apiCommand(agent, 'status <agent>', 'Whether an agent answers, its mode, and the policies that decide').action(
    (name: string, options: ApiOptions) =>
      withApi(options, async (api) => {
        const told = await api.call('agents.status', { path: { agent: name } });
        const { policies, roundTripMs, error, alive } = told;
        if (options.json) printJson(told);
        else {
          print(`${name}: ${error === undefined ? `answers in ${number(roundTripMs)} ms` : error}`);
          if (policies) {
            print(`mode ${policies.mode}, ${policies.mode === 0 ? 'heuristic' : 'ML'}`);
            const rows = policies.policies.map((one) => [one.name, one.version, one.file ? 'a file' : 'shipped']);
            print(rows.length === 0 ? 'no policy decides' : table(['POLICY', 'VERSION', 'FROM'], rows));
            print(`more: mlsysops-cli agent policies ${name}`);
          }
        }
        return alive && error === undefined ? 0 : exitCodeOf('unreachable');
      }),
  );

  apiCommand(agent, 'policies <agent>', 'All policies of an agent and how each does, those that do not decide included').action(
    (name: string, options: ApiOptions) =>
      withApi(options, async (api) => {
        const told = await api.call('agents.policies', { path: { agent: name } });
        if (options.json) printJson(told);
        else {
          const rows = told.policies.map((one) => [one.name, one.kind, one.version, one.state, one.summary]);
          print(table(['POLICY', 'KIND', 'VERSION', 'STATE', 'WHAT IT DOES'], rows));
          for (const { name: policy, error } of told.policies) if (error) print(`${policy}: ${error.text}`);
        }
        return 0;
      }),
  );
  policyOptions(ofAgent('set-policy', 'Give agents a policy file, or a shipped policy other settings')).action(
    (options: OfAgent & GivenPolicy) =>
      withApi(options, async (api) => {
        const { name, body } = policyIn(options);
        return change(api, options, (one) => api.call('agents.set-policy', { path: { agent: one, name }, body }));
      }),
  );
  policyOptions(
    apiCommand(
      agent,
      'try-policy <agent>',
      'What a policy file, or other settings, would decide now; nothing is carried out or kept',
    ),
  ).action((one: string, options: ApiOptions & GivenPolicy) =>
    withApi(options, async (api) => {
      const { name, body } = policyIn(options);
      const told = await api.call('agents.try-policy', { path: { agent: one, name }, body });
      if (options.json) printJson(told);
      else {
        for (const line of told.log) print(`  | ${line}`);
        for (const { text } of told.triggers) print(`sees: ${text}`);
        for (const { sentence } of told.decisions) print(`would decide: ${sentence}`);
        if (told.triggers.length === 0) print('It sees nothing to decide about now.');
        if (told.note) print(told.note);
      }
      return 0;
    }),
  );
  addDryRunCommand(agent, withClient);
  ofAgent('delete-policy <name>', 'Take a policy from agents').action((name: string, options: OfAgent) =>
    withApi(options, (api) =>
      change(api, options, (one) => api.call('agents.delete-policy', { path: { agent: one, name: policyName(name) } })),
    ),
  );
  ofAgent('set-config', 'Lay settings over the files that agents were started with')
    .requiredOption('--file <file>', 'settings by name (YAML or JSON)')
    .action((options: OfAgent & { file: string }) =>
      withApi(options, (api) => {
        const body = { settings: objectIn(readFileSync(options.file, 'utf8'), options.file) };
        return change(api, options, (one) => api.call('agents.set-config', { path: { agent: one }, body }));
      }),
    );
  ofAgent('delete-config <key>', 'Give a setting back to the file').action((key: string, options: OfAgent) =>
    withApi(options, (api) =>
      change(api, options, (one) => api.call('agents.delete-config', { path: { agent: one, name: key } })),
    ),
  );
}

/** The same change at each agent that is meant; one that refuses does not keep it from the others. */
async function change(
  api: NorthboundClient,
  { agent, json }: OfAgent,
  work: (agent: string) => Promise<ChangeAnswer>,
): Promise<number> {
  const answers: ({ agent: string } & (ChangeAnswer | { error: string }))[] = [];
  for (const name of await namesOf(api, agent)) {
    try {
      answers.push({ agent: name, ...(await work(name)) });
    } catch (error) {
      if (!(error instanceof NorthboundError) || error.status < 404) throw error;
      answers.push({ agent: name, error: error.message });
    }
  }
  if (json) printJson(answers);
  else
    for (const answer of answers)
      print('error' in answer ? `${answer.agent}: NOT changed: ${answer.error}` : diffText(answer.agent, answer));
  return answers.some((answer) => 'error' in answer) ? exitCodeOf('refused') : 0;
}

async function namesOf(api: NorthboundClient, agent: string): Promise<string[]> {
  const layer = layerSchema.safeParse(agent);
  if (!layer.success) return [agent];
  const all = await api.call('agents.list', {});
  const names = all.filter((one) => one.layer === layer.data && one.alive && one.role !== 'standby').map((one) => one.agent);
  if (names.length === 0)
    throw wrong(`No agent of the layer "${agent}" is alive`, 'mlsysops-cli agent list shows which there are');
  return names;
}
