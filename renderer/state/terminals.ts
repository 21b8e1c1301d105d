import { create } from 'zustand';

export interface TerminalSession {
  id: string;
  /** null for a shell on this computer. */
  testbed: string | null;
  host: string;
}

interface TerminalsState {
  sessions: TerminalSession[];
  /** Ids of what is shown, one or two side by side. */
  shown: string[];
  split: boolean;
}

export const useTerminals = create<TerminalsState>(() => ({ sessions: [], shown: [], split: false }));

/** Opens a shell in a tab of its own and shows it. Its id is random: it is also the session's name at the core. */
export function openTerminal(testbed: string | null, host: string): string {
  const id = crypto.randomUUID();
  useTerminals.setState(({ sessions, shown, split }) => ({
    sessions: [...sessions, { id, testbed, host }],
    shown: split && shown.length > 0 ? [...shown.slice(-1), id] : [id],
  }));
  return id;
}

export function closeTerminal(id: string): void {
  useTerminals.setState(({ sessions, shown, split }) => {
    const left = sessions.filter((session) => session.id !== id);
    const still = shown.filter((known) => known !== id);
    const last = left.at(-1);
    return { sessions: left, shown: still.length > 0 ? still : last ? [last.id] : [], split: split && left.length > 1 };
  });
}

export function showTerminal(id: string): void {
  useTerminals.setState(({ shown, split }) => {
    if (shown.includes(id)) return {};
    return { shown: split && shown[0] ? [shown[0], id] : [id] };
  });
}

export function toggleSplit(): void {
  useTerminals.setState(({ sessions, shown, split }) => {
    if (split) return { split: false, shown: shown.slice(0, 1) };
    const other = sessions.find((session) => !shown.includes(session.id));
    return { split: true, shown: other ? [...shown, other.id] : shown };
  });
}
