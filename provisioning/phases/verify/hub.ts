import { NatsBus } from '../../../agents/bus/nats.ts';
import type { RunContext } from '../../run/phase.ts';
import { busPort } from '../bus/configuration.ts';
import { readDesktopCredentials } from '../bus/keys.ts';
import { managementHost } from '../support/hosts.ts';

export interface Hub {
  bus: NatsBus;
  close(): Promise<void>;
}

/** Connects to the hub of the bus as the desktop does, through SSH. @throws when it cannot be reached or there are no credentials yet */
export async function openHub(context: RunContext): Promise<Hub> {
  const { user, password, authority, certificate, key } = await readDesktopCredentials(context.stateFolder);
  const forwarding = await context.forward(managementHost(context.testbed).name, '127.0.0.1', busPort);
  try {
    const bus = await NatsBus.connect({
      servers: [`tls://127.0.0.1:${forwarding.port}`],
      name: 'verify',
      user,
      password,
      tls: { ca: authority, cert: certificate, key },
      connectTimeoutMs: 20_000,
    });
    const close = async () => {
      await bus.close();
      forwarding.close();
    };
    return { bus, close };
  } catch (error) {
    forwarding.close();
    throw error;
  }
}

/** Speaks with the hub for as long as `use` takes. @throws as openHub; what `use` throws */
export async function withHub<T>(context: RunContext, use: (bus: NatsBus) => Promise<T>): Promise<T> {
  const hub = await openHub(context);
  try {
    return await use(hub.bus);
  } finally {
    await hub.close();
  }
}
