import { agentLogs } from '../../provisioning/phases/agents/logs.ts';
import { ContractError, type EventOf, type ParsedInputOf } from '../contract/contract.ts';
import type { SshPools } from './ssh.ts';
import type { Testbeds } from './testbeds.ts';

/** Passes an agent's journal on, until it or the listener ends. @throws ContractError no-such-host, no-shell; Failure unreachable */
export async function passAgentLogs(
  { testbed, host: name, ...how }: ParsedInputOf<'agents.logs'>,
  emit: (lines: EventOf<'agents.logs'>) => Promise<void>,
  signal: AbortSignal,
  { testbeds, ssh }: { testbeds: Testbeds; ssh: SshPools },
): Promise<void> {
  const entry = testbeds.get(testbed);
  const host = testbeds.host(testbed, name);
  if (entry.testbed.kind === 'twin')
    throw new ContractError('no-shell', `${name} is simulated: its agent's log is part of the twin's.`);
  const { pool, release } = ssh.acquire(entry);
  try {
    const execute = (script: string, options: Parameters<typeof pool.execute>[2]) => pool.execute(host, script, options);
    for await (const line of agentLogs({ ...how, execute, signal })) await emit([line]);
  } finally {
    release();
  }
}
