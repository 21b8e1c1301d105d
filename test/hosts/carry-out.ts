import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Operation } from '../../provisioning/day2/operation.ts';
import type { RunEvent } from '../../provisioning/run/events.ts';
import { type FinishedEvent, startRun } from '../../provisioning/run/run.ts';
import { KnownHosts } from '../../provisioning/ssh/known-hosts.ts';
import { root, type TestHosts } from './fixture.ts';

export const recipeOptions = { distFolder: join(root, 'dist'), assetsFolder: join(root, 'assets') };

export const stateFolderOf = (fixture: TestHosts): string => join(fixture.folder, 'state');

/** Carries out an operation of day two on the fixture's hosts; gives the end and everything that was told on the way. */
export async function carryOut(
  fixture: TestHosts,
  operation: Operation,
  signal?: AbortSignal,
  onEvent?: (event: RunEvent) => void,
): Promise<{ finished: FinishedEvent; events: RunEvent[] }> {
  const stateFolder = stateFolderOf(fixture);
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  const { verb, testbed, phases, hosts } = operation;
  const events: RunEvent[] = [];
  const finished = await startRun({
    testbed,
    phases,
    verb,
    hosts,
    ssh: { knownHosts: new KnownHosts(fixture.knownHostsFile) },
    stateFolder,
    signal,
    onEvent: (event) => {
      events.push(event);
      onEvent?.(event);
    },
  });
  return { finished, events };
}
