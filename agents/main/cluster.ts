import { startClusterAgent } from '../cluster.ts';
import { systemClock } from '../system-clock.ts';
import { readKubeConfig } from './kube-config.ts';
import { runAgent } from './start.ts';

await runAgent(async (config, bus, log) =>
  startClusterAgent({
    config,
    bus,
    log,
    clock: systemClock,
    random: Math.random,
    kubeConfig: await readKubeConfig(config.kubeconfigFile, 'kubeconfigFile'),
  }),
);
