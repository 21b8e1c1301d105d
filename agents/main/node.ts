import { readFile } from 'node:fs/promises';
import type { NodeDescription } from '../descriptions/node.ts';
import { parseDescription } from '../descriptions/parse.ts';
import { LinuxSignals } from '../host/linux/signals.ts';
import { linuxMechanisms } from '../mechanisms/linux.ts';
import { startNodeAgent } from '../node.ts';
import { systemClock } from '../system-clock.ts';
import { ComponentScraper } from '../telemetry/scrape.ts';
import { runAgent } from './start.ts';

/** @throws Error naming file and line when it is no description of a node */
async function readNodeDescription(path: string): Promise<NodeDescription> {
  const described = parseDescription(await readFile(path, 'utf8'), path);
  if (described.kind !== 'MLSysOpsNode') throw new Error(`${path}: a ${described.kind} does not describe this host`);
  return described.value;
}

await runAgent(async (config, bus, log) => {
  const { descriptionFile } = config;
  const description = descriptionFile === undefined ? undefined : await readNodeDescription(descriptionFile);
  const scraper = new ComponentScraper();
  const signals = new LinuxSignals({
    scrape: (component) => scraper.scrape(component),
    powerModel: config.telemetry?.powerModel,
  });
  const mechanisms = linuxMechanisms({ description, components: () => signals.components, clock: systemClock });
  return startNodeAgent({ config, bus, log, clock: systemClock, signals, description, mechanisms, random: Math.random });
});
