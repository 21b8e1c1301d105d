import { create } from 'zustand';
import { texts } from '../texts/texts.ts';
import type { TestbedSummary } from './types.ts';

const words = texts.state;

export interface TerminalSession {
  id: string;
  /** Of a shell on this computer: whose clusters kubectl in it speaks with; null: nobody's. */
  testbed: string | null;
  /** "local" for this computer. */
  host: string;
  /** Of a shell on this computer: the cluster that kubectl in it speaks with, and its prompt names. */
  cluster?: string | undefined;
  /** How many shells this tab has had before: each has a name of its own at the core. */
  attempt: number;
  /** Its shell was opened before this window was loaded. */
  anew?: true | undefined;
  /** Typed into it once it is there, for the person to run. */
  typed?: string | undefined;
}

export const sessionTitle = ({ host, cluster }: TerminalSession): string =>
  cluster !== undefined ? `kubectl ${cluster}` : host === 'local' ? words.thisComputer : host;

/** How many shells are seen at once. */
export type PaneCount = 1 | 2 | 4;

interface TerminalsState {
  sessions: TerminalSession[];
  /** Ids of what is shown, in the order in which they are seen. */
  shown: string[];
  panes: PaneCount;
  /** What is typed into one goes to all that are shown. */
  broadcast: boolean;
}

/** What a core calls the shell of a tab. */
export const shellName = ({ id, attempt }: TerminalSession): string => (attempt === 0 ? id : `${id}-${attempt}`.slice(-64));

export const useTerminals = create<TerminalsState>(() => ({ sessions: [], shown: [], panes: 1, broadcast: false }));

/** What is left of `shown` where no more than `panes` are seen: the newest stay. Empty places are filled with older ones, which go first. */
function fill(sessions: readonly TerminalSession[], shown: readonly string[], panes: PaneCount): string[] {
  const still = shown.filter((id) => sessions.some((session) => session.id === id)).slice(-panes);
  const others = sessions.map(({ id }) => id).filter((id) => !still.includes(id));
  const free = panes - still.length;
  return [...(free > 0 ? others.slice(-free) : []), ...still];
}

/** Opens a shell in a tab of its own and shows it. Its id is random: it is also the session's name at the core. */
export function openTerminal(
  testbed: string | null,
  host: string,
  more: Pick<TerminalSession, 'cluster' | 'typed'> = {},
): string {
  const id = crypto.randomUUID();
  useTerminals.setState((state) => {
    const sessions = [...state.sessions, { id, testbed, host, attempt: 0, ...more }];
    return { sessions, shown: fill(sessions, [...state.shown, id], state.panes) };
  });
  return id;
}

/** A shell on this computer whose kubectl speaks with one cluster; "karmada" is the API above them all. */
export const openKubectl = (testbed: string, cluster: string): string => openTerminal(testbed, 'local', { cluster });

/** What kubectl can speak with in a testbed that is up: the member clusters first, which one mostly means. */
export function kubectlClusters(testbed: TestbedSummary | null): string[] {
  if (testbed?.state !== 'up' || testbed.recording) return [];
  const clusters = [...new Set(testbed.hosts.map(({ cluster }) => cluster))];
  return [...clusters.filter((name) => name !== 'management'), ...clusters.filter((name) => name === 'management'), 'karmada'];
}

/** A shell on each host, all of them seen as far as there is room. */
export function openOnAll(testbed: string, hosts: readonly string[]): void {
  useTerminals.setState({ panes: hosts.length > 2 ? 4 : hosts.length > 1 ? 2 : 1 });
  for (const host of hosts) openTerminal(testbed, host);
}

export function closeTerminal(id: string): void {
  useTerminals.setState((state) => {
    const sessions = state.sessions.filter((session) => session.id !== id);
    const shown = fill(sessions, state.shown, state.panes);
    return { sessions, shown, broadcast: state.broadcast && shown.length > 1 };
  });
}

/** Has a tab open another shell in place of the one it had. */
export function openAgain(id: string): void {
  useTerminals.setState(({ sessions }) => ({
    sessions: sessions.map((one) => (one.id === id ? { ...one, attempt: one.attempt + 1 } : one)),
  }));
}

/** Brings a tab into sight, in place of the one that has been there longest. */
export function showTerminal(id: string): void {
  useTerminals.setState(({ sessions, shown, panes }) =>
    shown.includes(id) ? {} : { shown: fill(sessions, [...shown, id], panes) },
  );
}

export function setPanes(panes: PaneCount): void {
  useTerminals.setState(({ sessions, shown, broadcast }) => {
    const next = fill(sessions, shown, panes);
    return { panes, shown: next, broadcast: broadcast && next.length > 1 };
  });
}

export function toggleBroadcast(): void {
  useTerminals.setState(({ broadcast, shown }) => ({ broadcast: !broadcast && shown.length > 1 }));
}

/** Ways into the shells that are open, by session. */
const inputs = new Map<string, (data: string) => void>();

/** Registers the way into a shell. @returns how to take it back */
export function acceptInput(id: string, write: (data: string) => void): () => void {
  inputs.set(id, write);
  return () => {
    if (inputs.get(id) === write) inputs.delete(id);
  };
}

/** Gives what was typed to the shell it was typed into, or to all that are shown. */
export function type(id: string, data: string): void {
  const { broadcast, shown } = useTerminals.getState();
  for (const target of broadcast && shown.includes(id) ? shown : [id]) inputs.get(target)?.(data);
}
