import { type Command, Option } from 'commander';
import { infraTypeSchema } from '../../../agents/northbound/endpoints/infra.ts';
import { print, printJson, table } from '../output.ts';
import { figuresTable } from './figures.ts';
import { type ApiOptions, apiCommand, apiHelp, type WithApi } from './reach.ts';
import { readSource, type Source, sourceOptions } from './source.ts';

const types = infraTypeSchema.options;
/** As the framework's own tool writes them, in any case. */
const word = (text: string): string => text.toLowerCase();
const yes = (value: boolean | null): string => (value === null ? '–' : value ? 'yes' : 'no');

interface Difference {
  path: string;
  described: unknown;
  measured: unknown;
}

/** `mlsysops-cli infra …` */
export function addInfraCommands(program: Command, withApi: WithApi): void {
  const infra = program
    .command('infra')
    .description('Datacenters, clusters and nodes: what was described, and what is really there')
    .addHelpText(
      'after',
      `
  mlsysops-cli infra list-infra --type Node
  mlsysops-cli infra register --path worker-1.yaml      tells where the description and the host differ
  mlsysops-cli infra get-details worker-1               as it is, and what it has been doing
${apiHelp}`,
    );
  apiCommand(infra, 'list-infra', 'What was registered, and what was found')
    .addOption(
      new Option('--type <type>', 'of one kind alone')
        .choices([...types, 'all'])
        .argParser(word)
        .default('all'),
    )
    .option('--name <name>', 'of this name alone')
    .action((options: ApiOptions & { type: string; name?: string }) =>
      withApi(options, async (api) => {
        const { type, name } = options;
        const all = await api.call('infra.list', { query: { type, ...(name !== undefined && { name }) } });
        if (options.json) printJson(all);
        else if (all.length === 0) print('Nothing of that kind was registered or found.');
        else
          print(
            table(
              ['TYPE', 'NAME', 'PART OF', 'REGISTERED', 'FOUND', 'AGENT ALIVE'],
              all.map((one) => [one.type, one.id, one.parent ?? '–', yes(one.registered), yes(one.found), yes(one.alive)]),
            ),
          );
        return 0;
      }),
    );

  apiCommand(infra, 'get-details <name>', 'A node, cluster or datacenter: as it was described, and as it is')
    .addOption(
      new Option('--type <type>', 'where a name is of several').choices(['node', 'cluster', 'datacenter']).argParser(word),
    )
    .action((name: string, options: ApiOptions & { type?: string }) =>
      withApi(options, async (api) => {
        const found = await api.call('infra.list', { query: { name, type: options.type ?? 'all' } });
        const type = options.type ?? found[0]?.type ?? 'node';
        const path = { id: name };
        if (type === 'cluster') {
          const told = await api.call('infra.cluster', { path });
          if (options.json) printJson(told);
          else {
            print(`cluster ${told.id}${told.parent ? ` of ${told.parent}` : ''}, ${memberText(told.member)}`);
            print(`nodes: ${told.nodes.join(', ') || '–'}\napplications: ${told.applications.join(', ') || '–'}`);
            print(`agents: ${told.agents.map(({ agent, alive }) => (alive ? agent : `${agent} (silent)`)).join(', ') || '–'}`);
            if (told.metrics.length > 0) print(`\n${figuresTable(told.metrics, null)}`);
          }
          return 0;
        }
        if (type === 'datacenter') {
          const told = await api.call('infra.datacenter', { path });
          if (options.json) printJson(told);
          else
            print(
              `datacenter ${told.id}\nclusters: ${told.clusters.map(({ id }) => id).join(', ') || '–'}\nnodes: ${told.nodes.map(({ id }) => id).join(', ') || '–'}`,
            );
          return 0;
        }
        const told = await api.call('infra.node', { path });
        if (options.json) printJson(told);
        else {
          const { agent } = told;
          print(
            `node ${told.id}${told.parent ? ` of ${told.parent}` : ''}, ${agent ? `its agent is ${agent.alive ? 'alive' : 'silent'}` : 'no agent was heard'}`,
          );
          if (told.measured) print(`\nAs it was measured:\n${JSON.stringify(told.measured, null, 2)}`);
          if (told.description && told.measured) print(differencesText(told.differences));
          if (told.metrics.length > 0) print(`\n${figuresTable(told.metrics, 'peer')}`);
        }
        return 0;
      }),
    );

  sourceOptions(
    apiCommand(
      infra,
      'register',
      'Register a node, cluster, datacenter or continuum by its description; one of that name is replaced',
    ),
    'its description (YAML or JSON)',
  ).action((options: ApiOptions & Source) =>
    withApi(options, async (api) => {
      const { text } = await readSource(options);
      const told = await api.call('infra.register', { body: text });
      if (options.json) printJson(told);
      else {
        print(
          `${told.replaced ? 'Replaced' : 'Registered'} ${told.type} ${told.id}${told.found ? '' : ', which was not found yet'}.`,
        );
        if (told.differences.length > 0) print(differencesText(told.differences));
      }
      return 0;
    }),
  );

  apiCommand(infra, 'unregister <name>', 'Forget a description; what it describes is not touched')
    .addOption(new Option('--type <type>', 'where a name is of several').choices([...types]).argParser(word))
    .action((name: string, options: ApiOptions & { type?: (typeof types)[number] }) =>
      withApi(options, async (api) => {
        const { type } = options;
        const told = await api.call('infra.unregister', { path: { id: name }, query: type === undefined ? {} : { type } });
        if (options.json) printJson(told);
        else print(`Forgot ${told.type} ${told.id}.`);
        return 0;
      }),
    );
}

function memberText(member: { ready: boolean; reason: string | null; kubernetesVersion: string | null } | null): string {
  if (member === null) return 'not a member of Karmada';
  if (!member.ready) return `NOT ready${member.reason ? `: ${member.reason}` : ''}`;
  return `ready${member.kubernetesVersion ? `, Kubernetes ${member.kubernetesVersion}` : ''}`;
}

function differencesText(differences: readonly Difference[]): string {
  if (differences.length === 0) return 'What is described and what was measured agree.';
  const rows = differences.map(({ path, described, measured }) => [path, JSON.stringify(described), JSON.stringify(measured)]);
  return `Described otherwise than measured:\n${table(['WHAT', 'DESCRIBED', 'MEASURED'], rows)}`;
}
