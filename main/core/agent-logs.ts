import { agentName, layersOf } from '../../provisioning/phases/agents/configuration.ts';
import { agentLogs } from '../../provisioning/phases/agents/logs.ts';
import { ContractError, type EventOf, type ParsedInputOf } from '../contract/contract.ts';
import type { SshPools } from './ssh.ts';
import type { Testbeds } from './testbeds.ts';
import type { Twins } from './twins.ts';

/** Passes an agent's journal on, until it or the listener ends. @throws ContractError no-such-host, no-such-agent; Failure unreachable */
export async function passAgentLogs(
  { testbed, host: name, ...how }: ParsedInputOf<'agents.logs'>,
  emit: (lines: EventOf<'agents.logs'>) => Promise<void>,
  signal: AbortSignal,
  { testbeds, ssh, twins }: { testbeds: Testbeds; ssh: SshPools; twins: Twins },
): Promise<void> {
  const entry = testbeds.get(testbed);
  const host = testbeds.host(testbed, name);
  if (!layersOf(host, entry.testbed).includes(how.layer))
    throw new ContractError('no-such-agent', `No ${how.layer} agent runs on ${name}.`);
  if (entry.testbed.kind === 'twin') {
    await twins.logs.pass({ twin: testbed, agent: agentName(how.layer, host), ...how }, emit, signal);
    return;
  }
  const { pool, release } = ssh.acquire(entry);
  try {
    const execute = (script: string, options: Parameters<typeof pool.execute>[2]) => pool.execute(host, script, options);
    for await (const line of agentLogs({ ...how, execute, signal })) await emit([line]);
  } finally {
    release();
  }
}
