import type { Layer } from '../../../agents/decision/record.ts';
import { layersOf } from '../../../provisioning/phases/agents/configuration.ts';
import { agentLogs } from '../../../provisioning/phases/agents/logs.ts';
import type { SshPools } from '../ssh.ts';
import type { TestbedEntry, Testbeds } from '../testbeds.ts';
import type { ArchivedFile } from './archive.ts';

/** Hosts that cannot be reached must not keep a person waiting for the rest. */
const patienceMs = 15_000;
const lines = 1000;

/** What each agent of a testbed of hosts has said, one file an agent; where a host cannot be reached, the file says so. A twin's is in the core's log. */
export async function archivedAgentLogs(
  entry: TestbedEntry,
  { testbeds, ssh }: { testbeds: Testbeds; ssh: SshPools },
): Promise<ArchivedFile[]> {
  const { testbed, remembered } = entry;
  if (testbed.kind === 'twin' || remembered.recording || remembered.state === 'new' || remembered.state === 'down') return [];
  const { pool, release } = ssh.acquire(entry);
  try {
    const read = async (name: string, layer: Layer): Promise<ArchivedFile> => {
      const host = testbeds.host(testbed.name, name);
      const signal = AbortSignal.timeout(patienceMs);
      let text = '';
      try {
        const execute = (script: string, how: Parameters<typeof pool.execute>[2]) => pool.execute(host, script, how);
        for await (const line of agentLogs({ layer, lines, execute, signal })) text += `${JSON.stringify(line)}\n`;
        if (signal.aborted) text += `(cut off: ${name} took longer than ${patienceMs / 1000} s)\n`;
      } catch (error) {
        text += `It could not be read: ${error instanceof Error ? error.message : String(error)}\n`;
      }
      return { name: `${name}-${layer}.jsonl`, text };
    };
    return await Promise.all(testbed.hosts.flatMap((host) => layersOf(host, testbed).map((layer) => read(host.name, layer))));
  } finally {
    release();
  }
}
