import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeRecipe } from '../../provisioning/recipe.ts';
import type { RunEvent } from '../../provisioning/run/events.ts';
import { type FinishedEvent, startRun } from '../../provisioning/run/run.ts';
import { KnownHosts } from '../../provisioning/ssh/known-hosts.ts';
import { type Testbed, testbedSchema } from '../../provisioning/testbed/schema.ts';
import { root, type TestHosts } from './fixture.ts';

/** A second member cluster is this host alone; all others but the management host are of the first. */
const second = 'master-2';
const clusterOf = (name: string): string => (name === 'management' ? name : name === second ? 'cluster2' : 'cluster1');

/** The testbed of the fixture's hosts, each of the role that its name says, installed from a bundle of doubles. */
export function testbedOf(fixture: TestHosts, bundle: string): Testbed {
  const clusters = {
    management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' },
    cluster1: { podCidr: '10.12.0.0/16', serviceCidr: '10.13.0.0/16' },
    ...(fixture.hosts.some(({ name }) => name === second)
      ? { cluster2: { podCidr: '10.14.0.0/16', serviceCidr: '10.15.0.0/16' } }
      : {}),
  };
  return testbedSchema.parse({
    name: fixture.testbed,
    kind: 'hosts',
    hosts: fixture.hosts.map(({ name, address, port, user }) => ({
      name,
      address,
      port,
      user,
      identityFile: fixture.identityFile,
      role: name.replace(/-\d+$/, ''),
      cluster: clusterOf(name),
    })),
    clusters,
    artefacts: { bundle },
  });
}

/** Runs the whole recipe against the fixture's hosts; gives the end and everything that was told on the way. */
export async function provision(
  fixture: TestHosts,
  testbed: Testbed,
  verb: 'up' | 'down',
): Promise<{ finished: FinishedEvent; events: RunEvent[] }> {
  const stateFolder = join(fixture.folder, 'state');
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  const events: RunEvent[] = [];
  const finished = await startRun({
    testbed,
    phases: makeRecipe({ distFolder: join(root, 'dist'), assetsFolder: join(root, 'assets') }),
    verb,
    ssh: { knownHosts: new KnownHosts(fixture.knownHostsFile) },
    stateFolder,
    onEvent: (event) => events.push(event),
  });
  return { finished, events };
}

export const failuresOf = (events: RunEvent[]) =>
  events.flatMap((event) => (event.type === 'failure' ? [{ ...event.failure }] : []));
export const changedSteps = (events: RunEvent[]) =>
  events.flatMap((event) =>
    event.type === 'step' && event.state === 'changed' ? [`${event.host} ${event.phase}/${event.step}`] : [],
  );
