import { Command } from 'cmdk';
import { useEffect } from 'react';
import { create } from 'zustand';
import { formatClock } from '../parts/format.ts';
import { Icon, type IconName } from '../parts/glyphs.tsx';
import { currentClient, shownError } from '../state/connection.ts';
import { type PageName, pages, useNavigation } from '../state/navigation.ts';
import { tell } from '../state/notices.ts';
import { askToSave, chooseRecording } from '../state/recordings.ts';
import { kubectlClusters, openKubectl, openOnAll, openTerminal } from '../state/terminals.ts';
import { setUp, startTwin, useCurrentTestbed, useTestbeds } from '../state/testbeds.ts';
import { useTime } from '../state/time.ts';
import { toggleTheme } from '../state/toggle-theme.ts';
import { takeTour } from '../state/tour.ts';
import { useWorld } from '../state/world.ts';
import { texts } from '../texts/texts.ts';

const words = texts.shell;

export const usePalette = create<{ open: boolean }>(() => ({ open: false }));

/** Alt and a digit lead to a page: the ninth is 9, the tenth 0. */
const shortcutOf = (index: number): string =>
  index < 10 ? words.alt((index + 1) % 10) : pages[index] === 'settings' ? words.ctrl : '';
const pageOfKey = (code: string): PageName | null => {
  const digit = /^Digit(\d)$/.exec(code)?.[1];
  return digit === undefined ? null : (pages[(Number(digit) + 9) % 10] ?? null);
};

/** Ctrl K reaches everything: pages, testbeds, hosts, decisions. */
export function CommandPalette() {
  const open = usePalette((state) => state.open);
  useEffect(() => {
    const toggle = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        usePalette.setState({ open: !usePalette.getState().open });
        return;
      }
      if ((event.ctrlKey || event.metaKey) && event.key === ',') {
        event.preventDefault();
        useNavigation.getState().go('settings');
        return;
      }
      // A shell has its own use for Alt and a digit.
      const inShell = event.target instanceof Element && event.target.closest('.xterm') !== null;
      const page = event.altKey && !event.ctrlKey && !event.metaKey ? pageOfKey(event.code) : null;
      if (page === null || inShell) return;
      event.preventDefault();
      useNavigation.getState().go(page);
    };
    addEventListener('keydown', toggle);
    return () => removeEventListener('keydown', toggle);
  }, []);
  return open ? <Palette /> : null;
}

async function forgetPasswords(testbed: string): Promise<void> {
  try {
    await currentClient().call('secrets.forget', { testbed });
    tell(words.passwordsFor(testbed));
  } catch (error) {
    tell(shownError(error).message);
  }
}

function Palette() {
  const go = useNavigation((state) => state.go);
  const testbed = useCurrentTestbed();
  const list = useTestbeds((state) => state.list) ?? [];
  const decisions = useWorld((state) => state.decisions).slice(0, 20);
  const close = () => usePalette.setState({ open: false });
  const item = (icon: IconName, text: string, run: () => void, keywords: string[] = [], shortcut = '') => (
    <Command.Item
      key={text}
      value={text}
      keywords={keywords}
      onSelect={() => {
        close();
        run();
      }}
    >
      <Icon name={icon} size={14} />
      {text}
      {shortcut ? (
        <>
          <span className="spacer" />
          <kbd>{shortcut}</kbd>
        </>
      ) : null}
    </Command.Item>
  );
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the scrim is no control; Escape does the same
    <div
      className="scrim"
      onMouseDown={(event) => event.target === event.currentTarget && close()}
      onKeyDown={(event) => event.key === 'Escape' && close()}
    >
      <Command className="palette-dialog" label={words.searchOrRun} loop>
        <Command.Input autoFocus placeholder={words.searchOrRun} />
        <Command.List>
          <Command.Empty>{words.nothingByThat}</Command.Empty>
          <Command.Group heading={words.goTo}>
            {pages.map((page, index) => item(page, texts.pages[page], () => go(page), [], shortcutOf(index)))}
          </Command.Group>
          <Command.Group heading={words.do}>
            {item('twin', words.startATwin, () => void startTwin())}
            {testbed && testbed.state !== 'provisioning' && !testbed.recording
              ? item('play', words.setUp(testbed.name), () => void setUp(testbed.name))
              : null}
            {(testbed?.hosts ?? []).map((host) =>
              item('terminals', words.openShellOn(host.name), () => {
                if (testbed?.kind === 'twin') tell(words.isSimulated(host.name));
                else openTerminal(testbed?.name ?? null, host.name);
                go('terminals');
              }),
            )}
            {testbed && testbed.kind !== 'twin' && testbed.hosts.length > 1
              ? item('split', words.openAShell, () => {
                  openOnAll(
                    testbed.name,
                    testbed.hosts.map(({ name }) => name),
                  );
                  go('terminals');
                })
              : null}
            {kubectlClusters(testbed).map((cluster) =>
              item('terminals', words.openKubectl(cluster), () => {
                openKubectl(testbed?.name ?? '', cluster);
                go('terminals');
              }),
            )}
            {item('terminals', words.openShellOnThis, () => {
              openTerminal(testbed?.name ?? null, 'local');
              go('terminals');
            })}
            {testbed && testbed.state !== 'new' ? item('record', words.saveRecording, askToSave) : null}
            {item('file', words.openRecording, chooseRecording)}
            {testbed?.state === 'up' ? item('play', words.takeTheTour, takeTour) : null}
            {testbed?.kind === 'hosts'
              ? item('key', words.forgetKept(testbed.name), () => void forgetPasswords(testbed.name))
              : null}
            {item('moon', words.changeTheTheme, toggleTheme)}
          </Command.Group>
          <Command.Group heading={words.testbeds}>
            {list.map((known) => item('testbeds', words.show(known.name), () => go('topology', known.name)))}
          </Command.Group>
          <Command.Group heading={words.decisions}>
            {decisions.map((record) => (
              <Command.Item
                key={record.id}
                value={`${record.title} ${record.id}`}
                onSelect={() => {
                  close();
                  useTime.getState().select(record);
                  go('decisions');
                }}
              >
                <Icon name="decisions" size={14} />
                <span className="ellipsis">{record.title}</span>
                <span className="spacer" />
                <span className="caption muted">{formatClock(record.time)}</span>
              </Command.Item>
            ))}
          </Command.Group>
        </Command.List>
      </Command>
    </div>
  );
}
