import type { SshPool } from '../ssh/pool.ts';
import type { Host } from '../testbed/schema.ts';

export const connectPhase = { id: 'connect', title: 'Connect' } as const;

/** Opens the connection to a host: its key checked, its user let in. @throws Failure: unreachable, authentication, host-key-unknown, host-key-changed */
export async function connectHost(pool: SshPool, host: Host, signal: AbortSignal): Promise<void> {
  await pool.connect(host, signal);
}
