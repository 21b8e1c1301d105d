import { readFile } from 'node:fs/promises';
import { northboundPort } from '../../provisioning/phases/agents/configuration.ts';
import { northboundTokenFileHere } from '../../provisioning/phases/agents/service.ts';
import { readDesktopCredentials } from '../../provisioning/phases/bus/keys.ts';
import { managementHost } from '../../provisioning/phases/support/hosts.ts';
import { ContractError, type EventOf } from '../contract/contract.ts';
import type { SshPools } from './ssh.ts';
import type { TestbedEntry } from './testbeds.ts';
import type { Twins } from './twins.ts';

/**
 * Tells the way to a testbed's northbound API and holds it open until `signal` aborts: of a twin its port here, of hosts a port that SSH
 * carries to the management host, where it is HTTPS by the testbed's own authority.
 * @throws ContractError not-up; Failure when the management host cannot be reached
 */
export async function holdNorthbound(
  entry: TestbedEntry,
  emit: (reach: EventOf<'northbound.reach'>) => Promise<void>,
  signal: AbortSignal,
  { twins, ssh }: { twins: Twins; ssh: SshPools },
): Promise<void> {
  const { testbed, folder } = entry;
  const ended = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  if (testbed.kind === 'twin') {
    await emit({ ...twins.get(testbed.name).ready.northbound, authority: null });
    await ended;
    return;
  }
  const { token, authority } = await secretsOf(testbed.name, folder.secrets);
  const { pool, release } = ssh.acquire(entry);
  try {
    const forwarding = await pool.forward(managementHost(testbed), '127.0.0.1', northboundPort);
    try {
      await emit({ url: `https://127.0.0.1:${forwarding.port}`, token, authority });
      await ended;
    } finally {
      forwarding.close();
    }
  } finally {
    release();
  }
}

async function secretsOf(name: string, folder: string): Promise<{ token: string; authority: string }> {
  try {
    const token = (await readFile(northboundTokenFileHere(folder), 'utf8')).trim();
    return { token, authority: (await readDesktopCredentials(folder)).authority };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new ContractError('not-up', `The testbed "${name}" has no agents yet.`, `Set it up first: testbed up ${name}.`);
  }
}
