import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { type NorthboundAccess, NorthboundClient } from '../../../agents/northbound/client.ts';
import { Failure } from '../../../provisioning/run/failure.ts';
import type { ContractClient } from '../../contract/contract.ts';
import { answerSecrets } from '../ask.ts';
import type { Here, WithClient } from '../with-client.ts';

/** Options of every verb that speaks to a northbound API. */
export interface ApiOptions {
  testbed?: string;
  json?: boolean;
}

/** Does something with the northbound API that the options and the environment name. */
export type WithApi = (options: ApiOptions, use: (api: NorthboundClient) => Promise<number>) => Promise<void>;

export const apiHelp = `
Which testbed: --testbed NAME or MLSYSOPS_TESTBED, else the only one that is up. Its API is reached through the app, which has its token.
Without the app: MLSYSOPS_API=https://host:8000 (or MLS_API_IP and MLS_API_PORT, as the framework has it), MLSYSOPS_TOKEN_FILE with a
token, and MLSYSOPS_CA_FILE with the authority of its certificate.`;

/** The options that a verb of the API has. */
export const apiCommand = (group: Command, usage: string, description: string): Command =>
  group
    .command(usage)
    .description(description)
    .addOption(new Option('-t, --testbed <name>', 'which testbed; default: the only one that is up').env('MLSYSOPS_TESTBED'))
    .option('--json', 'print what the API answered, as JSON');

export const withApiOf =
  (withClient: WithClient, here: Here, env: NodeJS.ProcessEnv = process.env): WithApi =>
  async (options, use) => {
    if (options.testbed === undefined && addressIn(env) !== null)
      return here(async () => use(new NorthboundClient(await accessIn(env))));
    return withClient((client) => throughCore(client, options.testbed, use));
  };

function addressIn(env: NodeJS.ProcessEnv): string | null {
  if (env.MLSYSOPS_API) return env.MLSYSOPS_API;
  const { MLS_API_IP: ip, MLS_API_PORT: port = '8000' } = env;
  if (!ip) return null;
  return `https://${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}

async function accessIn(env: NodeJS.ProcessEnv): Promise<NorthboundAccess> {
  const url = addressIn(env) ?? '';
  const { MLSYSOPS_TOKEN_FILE: tokenFile, MLSYSOPS_CA_FILE: caFile } = env;
  if (!URL.canParse(url)) throw wrong(`MLSYSOPS_API is no address: ${url}`, 'Give one as https://host:8000');
  if (!tokenFile)
    throw wrong(`No token for ${url}`, 'Put it into a file of your own (chmod 600), and name that in MLSYSOPS_TOKEN_FILE');
  return {
    url,
    token: (await readFile(tokenFile, 'utf8')).trim(),
    ...(caFile && { authority: await readFile(caFile, 'utf8') }),
  };
}

/** The core says where it is, and holds the way open as long as it is needed. */
async function throughCore(
  client: ContractClient,
  wanted: string | undefined,
  use: (api: NorthboundClient) => Promise<number>,
): Promise<number> {
  const testbed = wanted ?? (await onlyOneUp(client));
  const secrets = answerSecrets(client, testbed);
  let close = (): void => {};
  try {
    const access = await new Promise<NorthboundAccess>((resolve, reject) => {
      const stream = client.open(
        'northbound.reach',
        { testbed },
        ({ authority, ...rest }) => resolve({ ...rest, ...(authority !== null && { authority }) }),
        (error) => reject(error ?? new Error('the core told no way to the API')),
      );
      close = () => stream.close();
    });
    return await use(new NorthboundClient(access));
  } finally {
    close();
    secrets.close();
  }
}

async function onlyOneUp(client: ContractClient): Promise<string> {
  const all = await client.call('testbeds.list', {});
  const up = all.filter(({ state }) => state === 'up');
  const [only] = up;
  if (only && up.length === 1) return only.name;
  if (up.length > 1)
    throw wrong(`${up.length} testbeds are up: ${up.map(({ name }) => name).join(', ')}`, 'Say which: --testbed NAME');
  const remedy =
    all.length === 0
      ? 'Make one: mlsysops-cli testbed create my-twin --kind twin, then testbed up my-twin'
      : `Set one up: mlsysops-cli testbed up ${all[0]?.name}`;
  throw new Failure({ code: 'not-up', cause: 'No testbed is up', remedy });
}

export const wrong = (cause: string, remedy: string): Failure => new Failure({ code: 'invalid-input', cause, remedy });
