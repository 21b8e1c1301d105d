import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { type NorthboundClient, NorthboundError } from '../../../agents/northbound/client.ts';
import { exitCodeOf } from '../exit-codes.ts';
import { age, print, printJson, table } from '../output.ts';
import { figuresTable, number, percent } from './figures.ts';
import { type ApiOptions, apiCommand, apiHelp, type WithApi } from './reach.ts';
import { readSource, type Source, sourceOptions } from './source.ts';

const lookMs = 500;

/** `mlsysops-cli apps …`: the framework's verbs for applications. */
export function addApplicationCommands(program: Command, withApi: WithApi): void {
  const apps = program
    .command('apps')
    .description('Applications: deploy, look at and remove them')
    .addHelpText(
      'after',
      `
  mlsysops-cli apps deploy-app --path app.yaml --wait 120     ends when each component is ready
  mlsysops-cli apps get-app-details smart-camera              where it runs, and what was decided last
  mlsysops-cli apps get-app-performance smart-camera          is it within its targets?
${apiHelp}`,
    );
  sourceOptions(
    apiCommand(apps, 'deploy-app', 'Deploy an application, or change one that is there, by its MLSysOpsApp description'),
    'its description (YAML or JSON)',
  )
    .option('--wait <seconds>', 'until it is deployed, at most so long', seconds)
    .option('--idempotency-key <key>', 'a second time with the same key does nothing, and answers the same')
    .action((options: ApiOptions & Source & { wait?: number; idempotencyKey?: string }) =>
      withApi(options, async (api) => {
        const { text } = await readSource(options);
        const { idempotencyKey, wait } = options;
        const deployed = await api.call('apps.deploy', { body: text }, idempotencyKey === undefined ? {} : { idempotencyKey });
        const { application } = deployed;
        if (wait !== undefined) return waitUntilDeployed(api, application, wait, options.json ?? false);
        if (options.json) printJson(deployed);
        else
          print(
            `${application} was accepted. It is deployed when every component is ready: mlsysops-cli apps get-app-status ${application}`,
          );
        return 0;
      }),
    );

  apiCommand(apps, 'list-all', 'All applications, and their state').action((options: ApiOptions) =>
    withApi(options, async (api) => {
      const all = await api.call('apps.list', {});
      if (options.json) printJson(all);
      else if (all.length === 0) print('No application is deployed: mlsysops-cli apps deploy-app --path FILE');
      else
        print(
          table(
            ['APPLICATION', 'STATE', 'CLUSTERS', 'ID'],
            all.map(({ application, state, clusters, uid }) => [application, state, clusters.join(', ') || '–', uid]),
          ),
        );
      return 0;
    }),
  );

  apiCommand(apps, 'get-app-status <app>', 'State of an application and its components; by name or id').action(
    (app: string, options: ApiOptions) =>
      withApi(options, async (api) => {
        const status = await api.call('apps.status', { path: { id: app } });
        if (options.json) printJson(status);
        else print(statusText(status));
        return 0;
      }),
  );

  apiCommand(apps, 'get-app-details <app>', 'Where it runs, and what was decided about it last')
    .option('--description', 'print its description, as it was deployed')
    .action((app: string, options: ApiOptions & { description?: boolean }) =>
      withApi(options, async (api) => {
        const details = await api.call('apps.details', { path: { id: app } });
        const { application, uid, clusters, status, decisions, description } = details;
        if (options.json) printJson(details);
        else if (options.description) printJson({ MLSysOpsApp: description });
        else {
          print(`${application}  ${uid}\non ${clusters.join(', ') || 'no cluster yet'}`);
          print(status === null ? 'Its cluster has not told its state yet.' : `\n${statusText(status)}`);
          if (decisions.length > 0) print('\nDecided last:');
          for (const { time, agent, sentence } of decisions) print(`  ${age(Date.now() - time)} ago  ${agent}: ${sentence}`);
        }
        return 0;
      }),
    );

  apiCommand(apps, 'get-app-performance <app>', 'What was measured of it in the last minutes, held against its targets')
    .option('--window <seconds>', 'of so many seconds, 300 at most', seconds, 300)
    .action((app: string, options: ApiOptions & { window: number }) =>
      withApi(options, async (api) => {
        const told = await api.call('apps.performance', { path: { id: app }, query: { window_s: options.window } });
        const { application, windowS, metrics, targets, satisfaction } = told;
        if (options.json) {
          printJson(told);
          return 0;
        }
        print(`${application}, the last ${windowS} s`);
        if (targets.length > 0) {
          const rows = targets.map(({ component, metric, relation, target, unit, mean, share }) => [
            component,
            metric,
            `${relation.replaceAll('_', ' ')} ${target} ${unit}`.trimEnd(),
            number(mean),
            percent(share),
          ]);
          print(`\n${table(['COMPONENT', 'METRIC', 'TARGET', 'MEAN', 'KEPT'], rows)}`);
        }
        if (satisfaction) {
          const { score, threshold, met } = satisfaction;
          print(`\nSatisfaction ${percent(score)}, ${met ? 'as wanted' : 'NOT as wanted'}: ${percent(threshold)}`);
        }
        print(metrics.length === 0 ? '\nNothing was measured yet.' : `\n${figuresTable(metrics, 'component')}`);
        return 0;
      }),
    );

  apiCommand(apps, 'remove-app <app>', 'Remove an application with everything that runs of it').action(
    (app: string, options: ApiOptions) =>
      withApi(options, async (api) => {
        const removed = await api.call('apps.remove', { path: { id: app } });
        if (options.json) printJson(removed);
        else print(`${app} is being removed`);
        return 0;
      }),
  );
}

type Status = Awaited<ReturnType<typeof statusOf>>;
const statusOf = (api: NorthboundClient, id: string) => api.call('apps.status', { path: { id } });

function statusText({ application, cluster, state, components }: Status): string {
  const rows = components.map(({ name, state: own, node, pod, reason }) => [name, own, node ?? '–', pod ?? '–', reason ?? '']);
  return `${application} on ${cluster}: ${state}\n${table(['COMPONENT', 'STATE', 'NODE', 'POD', ''], rows)}`;
}

/** Tells each change of its state. Exit code 0 when it is deployed, 10 when it was not within the time. */
async function waitUntilDeployed(api: NorthboundClient, application: string, wait: number, json: boolean): Promise<number> {
  const until = Date.now() + wait * 1000;
  let told = '';
  for (;;) {
    const status = await statusOf(api, application).catch((error: unknown) => {
      // Its cluster has not heard of it yet.
      if (error instanceof NorthboundError && error.status === 404) return null;
      throw error;
    });
    const text = status === null ? `${application}: waits for a cluster` : statusLine(status);
    if (!json && text !== told) print(text);
    told = text;
    if (status?.state === 'deployed') {
      if (json) printJson(status);
      return 0;
    }
    if (Date.now() >= until) {
      if (json) printJson(status);
      else print(`${application} was not deployed within ${wait} s: mlsysops-cli apps get-app-details ${application} tells more`);
      return exitCodeOf('refused');
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

const statusLine = ({ application, state, components }: Status): string =>
  `${application}: ${state} (${components.map(({ name, state: own, node }) => `${name} ${own}${node ? ` on ${node}` : ''}`).join(', ')})`;

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('give seconds, above 0');
  return value;
}
