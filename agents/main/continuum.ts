import { startContinuumAgent } from '../continuum.ts';
import { systemClock } from '../system-clock.ts';
import { readKubeConfig } from './kube-config.ts';
import { runAgent } from './start.ts';

await runAgent(async (config, bus, log) =>
  startContinuumAgent({
    config,
    bus,
    log,
    clock: systemClock,
    karmadaKubeConfig: await readKubeConfig(config.karmadaKubeconfigFile, 'karmadaKubeconfigFile'),
  }),
);
