import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const machineSchema = z.object({ name: z.string(), number: z.number().int(), address: z.string(), cpus: z.number() });
export type Machine = z.infer<typeof machineSchema>;

const testbedStateSchema = z.object({
  testbed: z.string(),
  /** Third octet of its network, and part of the names of its interfaces. */
  index: z.number().int().min(1).max(254),
  authorizedKey: z.string(),
  /** The base tree that its hosts' changes lie on. */
  base: z.string(),
  owner: z.object({ pid: z.number().int(), startTime: z.string() }).nullable(),
  machines: z.array(machineSchema),
});
export type TestbedState = z.infer<typeof testbedStateSchema>;

export interface Places {
  /** State and file systems of the hosts. */
  root: string;
  /** Base trees: can be made again. */
  cache: string;
}

/** Environment names are for tests and for computers whose /var is small. */
export const placesOf = (env: NodeJS.ProcessEnv): Places => ({
  root: env.MLSYSOPS_LOCAL_HOSTS_ROOT ?? '/var/lib/mlsysops-desktop/local-hosts',
  cache: env.MLSYSOPS_LOCAL_HOSTS_CACHE ?? '/var/cache/mlsysops-desktop',
});

export const testbedFolder = (places: Places, testbed: string): string => join(places.root, testbed);
export const machineFolder = (places: Places, testbed: string, name: string): string => join(places.root, testbed, 'hosts', name);

export function readTestbed(places: Places, testbed: string): TestbedState | null {
  let text: string;
  try {
    text = readFileSync(join(testbedFolder(places, testbed), 'testbed.json'), 'utf8');
  } catch (error) {
    // It may go while we look.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  return testbedStateSchema.parse(JSON.parse(text));
}

export function writeTestbed(places: Places, state: TestbedState): void {
  const folder = testbedFolder(places, state.testbed);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeFileSync(join(folder, 'testbed.json.new'), JSON.stringify(state, null, 2), { mode: 0o644 });
  renameSync(join(folder, 'testbed.json.new'), join(folder, 'testbed.json'));
}

export function listTestbeds(places: Places): TestbedState[] {
  if (!existsSync(places.root)) return [];
  return readdirSync(places.root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => readTestbed(places, entry.name))
    .filter((state) => state !== null);
}

/** Start time of a process in clock ticks since boot (field 22 of /proc/pid/stat): tells a recycled pid from the one we knew. null when gone. */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

export const isAlive = (process: { pid: number; startTime: string }): boolean => startTimeOf(process.pid) === process.startTime;
