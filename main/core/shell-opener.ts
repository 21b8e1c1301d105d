import { ContractError, type ParsedInputOf } from '../contract/contract.ts';
import { kubeconfigOf, kubeconfigsOf } from './kubeconfigs.ts';
import { localEnvironment } from './local-environment.ts';
import { commandable } from './recording/recordings.ts';
import { promptedShell } from './shell-prompt.ts';
import { hostShell, localProgram, localShell, type Shell } from './shells.ts';
import type { SshPools } from './ssh.ts';
import type { Testbeds } from './testbeds.ts';
import type { Twins } from './twins.ts';

interface ShellWorld {
  testbeds: Testbeds;
  twins: Twins;
  ssh: SshPools;
  dataFolder: string;
  distFolder: string;
  env: NodeJS.ProcessEnv;
}

/** Opens shells on hosts, and on this computer. @throws ContractError no-such-host, no-shell, no-such-cluster; Failure when a host can't be reached */
export function shellOpener(world: ShellWorld): (input: ParsedInputOf<'terminals.open'>) => Promise<Shell> {
  const { testbeds, ssh } = world;
  return async (input) => {
    if (input.host === 'local') return shellHere(input, world);
    if (input.testbed === null) throw new ContractError('no-such-host', `A terminal on "${input.host}" needs a testbed.`);
    const entry = commandable(testbeds.get(input.testbed));
    const host = testbeds.host(input.testbed, input.host);
    if (entry.testbed.kind === 'twin')
      throw new ContractError(
        'no-shell',
        `${input.host} is simulated and has no shell.`,
        'Open one on this computer (host "local").',
      );
    const { pool, release } = ssh.acquire(entry);
    return hostShell(pool, host, input, release);
  };
}

/** With what belongs to the testbed, as far as it is there. */
async function shellHere(input: ParsedInputOf<'terminals.open'>, world: ShellWorld): Promise<Shell> {
  const { testbeds, twins, dataFolder, distFolder, env } = world;
  const entry = input.testbed === null ? null : testbeds.get(input.testbed);
  const { cluster } = input;
  if (cluster !== undefined) {
    if (entry === null) throw new ContractError('no-such-cluster', `A shell of cluster "${cluster}" needs a testbed.`);
    // Told before a shell opens that could not speak with it.
    await kubeconfigOf(entry, cluster, twins);
  }
  const environment = await localEnvironment({
    dataFolder,
    distFolder,
    path: env.PATH,
    testbed: entry && {
      name: entry.testbed.name,
      folder: entry.folder.secrets,
      kubeconfigs: await kubeconfigsOf(entry, twins),
    },
    cluster,
  });
  if (cluster === undefined || entry === null) return localShell(input, env, environment);
  const program = localProgram(env);
  const label = `${entry.testbed.name}/${cluster}`;
  const prompted = await promptedShell({ program, dataFolder, label, zdotdir: env.ZDOTDIR });
  return localShell(input, env, { ...environment, ...prompted.env }, prompted.args);
}
