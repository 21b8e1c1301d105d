import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTestbedFile } from '../../provisioning/testbed/parse.ts';
import type { OutputOf } from '../contract/contract.ts';

/** The twins that the app brings along as files; the first comment of each says what it is. */
export async function twinSamples(assetsFolder: string): Promise<OutputOf<'testbeds.samples'>> {
  const folder = join(assetsFolder, 'testbeds');
  const names = (await readdir(folder)).filter((name) => /^twin-[\w-]+\.yaml$/.test(name)).sort();
  const samples = await Promise.all(
    names.map(async (fileName) => {
      const file = await readFile(join(folder, fileName), 'utf8');
      const { name, hosts } = parseTestbedFile(file, fileName);
      const clusters = new Set(hosts.map(({ cluster }) => cluster));
      const summary = /^# (.+)$/m.exec(file)?.[1] ?? '';
      return { name, fileName, file, summary, nodes: hosts.length, clusters: clusters.size };
    }),
  );
  return samples.sort((a, b) => a.nodes - b.nodes);
}
