import type { AgentConfig } from '../../../agents/config.ts';
import type { RunContext } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import type { PlacedFile } from '../support/files.ts';
import { addressOf, controlPlaneOf } from '../support/hosts.ts';
import { busFolder, busPort } from './configuration.ts';
import type { BusKeys } from './keys.ts';

/** Files of one agent's credentials on its host, readable for its group alone. */
export async function clientFiles(agent: string, owner: string, keys: BusKeys): Promise<PlacedFile[]> {
  const pair = await keys.certificate(agent);
  return [
    { path: `${busFolder}/ca.crt`, mode: '0644', content: await keys.authorityCertificate() },
    { path: `${busFolder}/${agent}.crt`, mode: '0644', content: pair.certificate },
    { path: `${busFolder}/${agent}.key`, mode: '0640', content: pair.key, owner, secret: true },
    { path: `${busFolder}/${agent}.password`, mode: '0640', content: await keys.password(agent), owner, secret: true },
  ];
}

/** How an agent of that host reaches the bus: the server of its own cluster. */
export const busSettings = (agent: string, host: Host, context: RunContext): NonNullable<AgentConfig['bus']> => ({
  servers: [`tls://${addressOf(controlPlaneOf(context.testbed, host.cluster), context)}:${busPort}`],
  caFile: `${busFolder}/ca.crt`,
  certFile: `${busFolder}/${agent}.crt`,
  keyFile: `${busFolder}/${agent}.key`,
  user: agent,
  passwordFile: `${busFolder}/${agent}.password`,
});
