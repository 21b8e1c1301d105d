import { NatsBus } from '../../../agents/bus/nats.ts';
import type { RunContext } from '../../run/phase.ts';
import { busPort } from '../bus/configuration.ts';
import { readDesktopCredentials } from '../bus/keys.ts';
import { managementHost } from '../support/hosts.ts';

/** Speaks with the hub of the bus as the desktop does, through SSH, for as long as `use` takes. @throws Failure unreachable; what `use` throws */
export async function withHub<T>(context: RunContext, use: (bus: NatsBus) => Promise<T>): Promise<T> {
  const { user, password, authority, certificate, key } = await readDesktopCredentials(context.stateFolder);
  const forwarding = await context.forward(managementHost(context.testbed).name, '127.0.0.1', busPort);
  let bus: NatsBus | undefined;
  try {
    bus = await NatsBus.connect({
      servers: [`tls://127.0.0.1:${forwarding.port}`],
      name: 'verify',
      user,
      password,
      tls: { ca: authority, cert: certificate, key },
      connectTimeoutMs: 20_000,
    });
    return await use(bus);
  } finally {
    await bus?.close();
    forwarding.close();
  }
}
