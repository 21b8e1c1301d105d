import { beforeEach, expect, test } from 'vitest';
import { keepTerminals } from './kept-terminals.ts';
import { closeTerminal, openAgain, openTerminal, setPanes, shellName, useTerminals } from './terminals.ts';

const none = { sessions: [], shown: [], panes: 1 as const, broadcast: false };
beforeEach(() => useTerminals.setState(none));

function storage(text: string | null = null) {
  let kept = text;
  return {
    getItem: () => kept,
    setItem: (_: string, value: string) => {
      kept = value;
    },
  };
}

test('a window that is loaded anew has the tabs that were open, under the names that the core knows their shells by', () => {
  const window = storage();
  keepTerminals(window);
  openTerminal('lab', 'worker-1', { typed: 'reboot' });
  openTerminal('lab', 'local', { cluster: 'cluster1' });
  setPanes(2);
  openAgain(useTerminals.getState().sessions[0]!.id);
  const before = useTerminals.getState();
  const text = window.getItem();
  useTerminals.setState(none);
  keepTerminals(storage(text));
  const { sessions, shown, panes } = useTerminals.getState();
  expect({ shown, panes }).toEqual({ shown: before.shown, panes: 2 });
  expect(sessions.map(shellName)).toEqual(before.sessions.map(shellName));
  expect(sessions[0]).toEqual({ ...before.sessions[0], typed: undefined, anew: true });
  expect(sessions.map(({ cluster }) => cluster)).toEqual([undefined, 'cluster1']);
  // Nothing is typed for a second time.
  expect(text).not.toContain('reboot');
});

test('what is kept follows what is open, and what cannot be read counts as nothing', () => {
  const window = storage('{"sessions": 3');
  keepTerminals(window);
  expect(useTerminals.getState().sessions).toEqual([]);
  const id = openTerminal('lab', 'worker-2');
  expect(window.getItem()).toContain('worker-2');
  closeTerminal(id);
  expect(window.getItem()).not.toContain('worker-2');
});
