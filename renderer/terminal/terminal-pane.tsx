import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { type ITheme, Terminal } from '@xterm/xterm';
import { useEffect, useRef, useState } from 'react';
import { Button, IconButton } from '../parts/controls.tsx';
import { State } from '../parts/glyphs.tsx';
import { useConnection } from '../state/connection.ts';
import { useSettings } from '../state/settings.ts';
import {
  acceptInput,
  openAgain,
  sessionTitle,
  shellName,
  type TerminalSession,
  type as typeInto,
  useTerminals,
} from '../state/terminals.ts';
import { useTheme } from '../state/theme.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';
import { styleSpansByObject, withAdoptedStyles } from './adopted-styles.ts';
import { quietFlood } from './quiet-flood.ts';
import { showFontWhenLoaded } from './terminal-font.ts';
import { Turns } from './turns.ts';

type Life = { state: 'open' } | { state: 'lost' | 'closed'; text: string };

/** How long until a host that was lost is tried again, ms; the last holds for all further tries. */
const againMs = [1000, 2000, 5000, 10_000, 30_000];

/** Of all terminals of the page. */
const turns = new Turns();

const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function theme(): ITheme {
  return {
    background: token('--term-bg'),
    foreground: token('--term-text'),
    cursor: token('--term-cursor'),
    cursorAccent: token('--term-bg'),
    selectionBackground: token('--accent-line'),
    black: token('--term-text'),
    brightBlack: token('--term-dim'),
    red: token('--bad'),
    brightRed: token('--bad'),
    green: token('--term-prompt'),
    brightGreen: token('--term-prompt'),
    yellow: token('--warn'),
    brightYellow: token('--warn'),
    blue: token('--info'),
    brightBlue: token('--info'),
    magenta: token('--continuum'),
    brightMagenta: token('--continuum'),
    cyan: token('--series-3'),
    brightCyan: token('--series-3'),
    white: token('--term-dim'),
    brightWhite: token('--term-text'),
  };
}

/** One shell. Output is taken only as fast as it is drawn: each event is answered when xterm has written it. */
export function TerminalPane({ session, shown }: { session: TerminalSession; shown: boolean }) {
  const [host, setHost] = useState<HTMLDivElement | null>(null);
  const [life, setLife] = useState<Life>({ state: 'open' });
  /** Counts tries to come back to the same shell, which the core holds for a window that has gone until it notices. */
  const [returns, setReturns] = useState(0);
  /** Tries since the shell was lost; null while it is as it should be. */
  const lost = useRef<number | null>(session.anew ? 0 : null);
  const anew = useRef(session.anew);
  const wasTyped = useRef(session.typed === undefined);
  const terminal = useRef<{
    terminal: Terminal;
    fit: FitAddon;
    search: SearchAddon;
    flood: ReturnType<typeof quietFlood>;
  } | null>(null);
  const [searching, setSearching] = useState(false);
  const several = useTerminals(({ shown: seen }) => seen.length > 1);
  const broadcast = useTerminals((one) => one.broadcast);
  const { client, state } = useConnection();
  const chosenTheme = useTheme((one) => one.theme);
  const wantedSize = useSettings(({ settings }) => settings?.terminalFontSize ?? 12);
  const fontSize = useRef(wantedSize);
  fontSize.current = wantedSize;

  useEffect(() => {
    if (!host) return;
    const made = new Terminal({
      fontSize: fontSize.current,
      // Of the font, which has its own leading.
      lineHeight: 1.1,
      theme: theme(),
      cursorBlink: false,
      scrollback: 10_000,
      screenReaderMode: true,
    });
    const fit = new FitAddon();
    made.loadAddon(fit);
    const search = new SearchAddon();
    made.loadAddon(search);
    // With the key that other terminals ask for, so that a click into the text stays a click. The window opens them outside, and pages alone.
    made.loadAddon(
      new WebLinksAddon((event, link) => {
        if (event.ctrlKey || event.metaKey) window.open(link, '_blank', 'noopener,noreferrer');
      }),
    );
    styleSpansByObject();
    made.attachCustomKeyEventHandler((event) => {
      const modified = event.ctrlKey && event.shiftKey;
      const find = modified && event.code === 'KeyF';
      if (find && event.type === 'keydown') setSearching(true);
      // As terminals on Linux and Windows have it, since Ctrl with a letter alone is the shell's; paste comes as the browser's own event.
      const copy = modified && event.code === 'KeyC';
      if (copy && event.type === 'keydown') {
        event.preventDefault();
        if (made.hasSelection()) void navigator.clipboard.writeText(made.getSelection());
      }
      const paste = modified && event.code === 'KeyV';
      return !find && !copy && !paste;
    });
    const refit = () => {
      if (terminal.current?.terminal === made && host.clientWidth > 0 && host.clientHeight > 0) fit.fit();
    };
    showFontWhenLoaded(made, token('--font-mono'), refit);
    const removeStyles = withAdoptedStyles(() => made.open(host));
    const flood = quietFlood(made);
    terminal.current = { terminal: made, fit, search, flood };
    const observer = new ResizeObserver(refit);
    observer.observe(host);
    return () => {
      observer.disconnect();
      terminal.current = null;
      flood.close();
      turns.forget(made);
      made.dispose();
      removeStyles();
    };
  }, [host]);

  useEffect(() => {
    const made = terminal.current;
    if (!made || made.terminal.options.fontSize === wantedSize) return;
    made.terminal.options.fontSize = wantedSize;
    if (host && host.clientWidth > 0) made.fit.fit();
  }, [wantedSize, host]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the terminal takes the new theme's tokens
  useEffect(() => {
    if (terminal.current) terminal.current.terminal.options.theme = theme();
  }, [chosenTheme]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: coming back is trying once more with all else as it was
  useEffect(() => {
    const made = terminal.current;
    if (!host || !made || !client || state !== 'connected') return;
    const name = shellName(session);
    let ended = false;
    /** While it draws what it has been told before, what the terminal says is the answer to a question that was answered then. */
    let repeating = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (host.clientWidth > 0) made.fit.fit();
    if (lost.current === null) setLife({ state: 'open' });
    const tryAgain = (again: () => void) => {
      const tries = lost.current ?? 0;
      lost.current = tries + 1;
      setLife({ state: 'lost', text: texts.terminals.theConnection(session.host) });
      timer = setTimeout(again, againMs[Math.min(tries, againMs.length - 1)]);
    };
    const stream = client.open(
      'terminals.open',
      {
        ...{ terminal: name, testbed: session.testbed, host: session.host, cluster: session.cluster },
        ...{ columns: made.terminal.cols, rows: made.terminal.rows, anew: anew.current },
      },
      (event) => {
        if (event.type === 'output') {
          // With its first words the shell has its prompt, or will have read what comes before it.
          if (!wasTyped.current) void tell(client.call('terminals.write', { terminal: name, data: session.typed ?? '' }));
          wasTyped.current = true;
          if (event.again) repeating = true;
          const taken = made.flood.takes(event.data.length);
          return turns.write(made.terminal, event.data).then(() => {
            taken();
            if (event.again) repeating = false;
          });
        }
        if (event.type === 'opened') {
          if (lost.current !== null && !event.resumed) made.terminal.write(`\r\n\x1b[2m${texts.terminals.newShell}\x1b[0m\r\n`);
          lost.current = null;
          anew.current = undefined;
          setLife({ state: 'open' });
          return;
        }
        ended = true;
        if (event.code === null && event.signal === null) {
          tryAgain(() => openAgain(session.id));
          return;
        }
        const how = event.signal
          ? texts.terminals.endedBy(event.signal)
          : texts.terminals.exitCode(event.code ?? texts.terminals.unknownCode);
        setLife({ state: 'closed', text: texts.terminals.closedHow(how) });
      },
      (error) => {
        if (ended) return;
        ended = true;
        if (error?.code === 'disconnected') {
          lost.current = 0;
          setLife({ state: 'lost', text: texts.terminals.reconnecting });
        } else if (lost.current !== null && error?.code === 'terminal-exists') tryAgain(() => setReturns((before) => before + 1));
        else if (lost.current !== null && error?.code === 'unreachable') tryAgain(() => openAgain(session.id));
        else setLife({ state: 'closed', text: error ? error.message : texts.terminals.closed });
      },
    );
    const tell = (work: Promise<unknown>) =>
      work.catch((error: unknown) => {
        if (!ended) setLife({ state: 'closed', text: error instanceof Error ? error.message : String(error) });
      });
    const release = acceptInput(session.id, (data) => {
      if (!ended) void tell(client.call('terminals.write', { terminal: name, data }));
    });
    const typed = made.terminal.onData((data) => {
      if (!repeating) typeInto(session.id, data);
    });
    const resized = made.terminal.onResize(({ cols, rows }) => {
      if (!ended) void tell(client.call('terminals.resize', { terminal: name, columns: cols, rows }));
    });
    return () => {
      ended = true;
      clearTimeout(timer);
      release();
      typed.dispose();
      resized.dispose();
      stream.close();
    };
  }, [host, client, state, returns, session]);

  useEffect(() => {
    if (!shown) return;
    terminal.current?.fit.fit();
    terminal.current?.terminal.focus();
  }, [shown]);

  return (
    <div className={`terminal-pane ${life.state} ${broadcast && shown ? 'broadcast' : ''}`} hidden={!shown}>
      {several ? (
        <div className="terminal-title">
          <State name={life.state === 'open' ? 'ok' : life.state === 'lost' ? 'run' : 'none'} size={10} />
          {sessionTitle(session)}
          {broadcast ? <span className="accent-text">{texts.terminals.typingGoesHere}</span> : null}
        </div>
      ) : null}
      {searching ? (
        <SearchBar
          find={(text, back) =>
            (back ? terminal.current?.search.findPrevious(text) : terminal.current?.search.findNext(text)) ?? false
          }
          onClose={() => {
            setSearching(false);
            terminal.current?.search.clearDecorations();
            terminal.current?.terminal.focus();
          }}
        />
      ) : null}
      <div
        className="terminal-host"
        ref={setHost}
        data-testid={testIds.terminal}
        data-host={session.host}
        data-state={life.state}
      />
      {life.state === 'open' ? null : (
        <div className="terminal-end" role="status">
          <State name={life.state === 'lost' ? 'run' : 'none'} />
          <span>{life.text}</span>
          {life.state === 'closed' || lost.current ? (
            <Button icon="refresh" data-testid={testIds.terminalAgain} onClick={() => openAgain(session.id)}>
              {texts.terminals.connectAgain}
            </Button>
          ) : null}
        </div>
      )}
    </div>
  );
}

/** Looks for a text in the shell's scrollback. Enter finds the next one upwards, with Shift downwards, as in other terminals. */
function SearchBar({ find, onClose }: { find: (text: string, back: boolean) => boolean; onClose: () => void }) {
  const [text, setText] = useState('');
  const [missing, setMissing] = useState(false);
  const look = (back: boolean) => setMissing(text !== '' && !find(text, back));
  return (
    <search className="terminal-search">
      <input
        className="field"
        // biome-ignore lint/a11y/noAutofocus: it was asked for by its key
        autoFocus
        aria-label={texts.terminals.findInThis}
        placeholder={texts.terminals.findInThis}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') look(!event.shiftKey);
          if (event.key === 'Escape') onClose();
        }}
      />
      <span className="muted" role="status">
        {missing ? texts.terminals.notFound : ''}
      </span>
      <IconButton icon="chev" label={texts.terminals.findTheNext} flip onClick={() => look(true)} />
      <IconButton icon="chev" label={texts.terminals.findTheNextOne} onClick={() => look(false)} />
      <IconButton icon="x" label={texts.terminals.closeTheSearch} onClick={onClose} />
    </search>
  );
}
