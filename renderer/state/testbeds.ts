import { create } from 'zustand';
import { texts } from '../texts/texts.ts';
import { currentClient } from './connection.ts';
import { useNavigation } from './navigation.ts';
import { offerTour } from './tour.ts';
import type { SystemInfo, TestbedSummary } from './types.ts';

const words = texts.state;

interface TestbedsState {
  /** null until the core has told. */
  list: TestbedSummary[] | null;
  info: SystemInfo | null;
}
export const useTestbeds = create<TestbedsState>(() => ({ list: null, info: null }));

/** The testbed of the address, else the one that is up, else the newest. */
export function chooseTestbed(list: readonly TestbedSummary[], wanted: string | null): TestbedSummary | null {
  const named = list.find((testbed) => testbed.name === wanted);
  if (named) return named;
  const newestFirst = [...list].sort((a, b) => b.createdAt - a.createdAt);
  return newestFirst.find((testbed) => testbed.state === 'up') ?? newestFirst[0] ?? null;
}

export function useCurrentTestbed(): TestbedSummary | null {
  const list = useTestbeds((state) => state.list);
  const wanted = useNavigation((state) => state.testbed);
  return list ? chooseTestbed(list, wanted) : null;
}

/** A name that is still free: "twin", "twin-2"… */
export function freeName(stem: string, list: readonly TestbedSummary[]): string {
  const taken = new Set(list.map((testbed) => testbed.name));
  let name = stem;
  for (let index = 2; taken.has(name); index++) name = `${stem}-${index}`;
  return name;
}

/** One click from nothing to a living twin: makes it, starts it and shows its topology. A file says what is simulated; without, it is the testbed of four. */
export async function startTwin(of?: { name: string; file: string; fileName: string }): Promise<void> {
  const client = currentClient();
  const testbed = await client.call('testbeds.create', {
    name: freeName(of?.name ?? 'twin', useTestbeds.getState().list ?? []),
    kind: 'twin',
    ...(of && { file: of.file, fileName: of.fileName }),
  });
  await client.call('testbeds.up', { testbed: testbed.name });
  offerTour();
  useNavigation.getState().go('topology', testbed.name);
}

/** Real hosts on this computer, not set up yet: they have shells from now on. @returns the testbed's name */
export async function makeLocalHosts(): Promise<string> {
  const { name } = await currentClient().call('testbeds.create', {
    name: freeName('local', useTestbeds.getState().list ?? []),
    kind: 'local',
  });
  return name;
}

export async function setUp(testbed: string): Promise<void> {
  await currentClient().call('testbeds.up', { testbed });
  const kind = useTestbeds.getState().list?.find((known) => known.name === testbed)?.kind;
  useNavigation.getState().go(kind === 'twin' ? 'topology' : 'run', testbed);
}

/** A run that has ended, asked for again as it was: it goes on from where it stopped. */
export async function runAgain(testbed: string, run: string, takeOver?: boolean): Promise<void> {
  await currentClient().call('runs.again', { run, takeOver });
  useNavigation.getState().go('run', testbed);
}

/** Leaves one host as it was found. */
export async function resetHost(testbed: string, host: string): Promise<void> {
  await currentClient().call('testbeds.operate', { testbed, operation: { kind: 'reset-host', host } });
  useNavigation.getState().go('run', testbed);
}

export async function takeDown(testbed: string): Promise<void> {
  await currentClient().call('testbeds.down', { testbed });
  useNavigation.getState().go('run', testbed);
}

export const kindWords: Record<TestbedSummary['kind'], string> = { hosts: words.myHosts, local: words.localHosts, twin: 'twin' };
export const kindOf = ({ kind, recording }: TestbedSummary): string => (recording ? 'recording' : kindWords[kind]);
export const stateOf = ({ state, recording }: TestbedSummary): string => (recording ? words.of(recording.of) : stateWords[state]);
export const stateWords: Record<TestbedSummary['state'], string> = {
  new: words.notSetUpYet,
  provisioning: words.beingSetUp,
  up: words.up,
  failed: words.stoppedWith,
  down: words.down,
};
