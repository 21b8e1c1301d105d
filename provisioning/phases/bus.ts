import type { Phase } from '../run/phase.ts';
import { busKeys, desktopUser } from './bus/keys.ts';
import { busServerStep, busUser } from './bus/server.ts';
import { userStep } from './support/files.ts';
import { isControlPlane } from './support/hosts.ts';
import { installStep } from './support/install.ts';
import type { PhaseTools } from './support/options.ts';

/** NATS: a hub with JetStream on the management host, a leaf on each member cluster's master; mutual TLS and a user per agent. */
export const busPhase = (tools: PhaseTools): Phase => ({
  id: 'bus',
  title: 'Bus',
  // It needs nothing of Kubernetes, so that it is being set up while clusters come up.
  needs: (host) => [{ host: host.name, phase: 'prepare' }],
  steps: async (host, context) => {
    if (!isControlPlane(host)) return [];
    const keys = busKeys(context.stateFolder, context.testbed.name, tools.now);
    return [
      userStep(busUser),
      await installStep(tools, context, host, {
        name: 'nats-server',
        target: '/usr/local/bin/nats-server',
        restart: 'mlsysops-bus',
      }),
      await busServerStep(host, context, keys),
    ];
  },
  after: async (context) => {
    const keys = busKeys(context.stateFolder, context.testbed.name, tools.now);
    await Promise.all([keys.certificate(desktopUser), keys.password(desktopUser)]);
  },
});
