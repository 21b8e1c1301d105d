import { LinuxSignals } from '../host/linux/signals.ts';
import { startNodeAgent } from '../node.ts';
import { systemClock } from '../system-clock.ts';
import { scrapeComponent } from '../telemetry/scrape.ts';
import { runAgent } from './start.ts';

await runAgent((config, bus, log) =>
  startNodeAgent({ config, bus, log, clock: systemClock, signals: new LinuxSignals({ scrape: scrapeComponent }) }),
);
