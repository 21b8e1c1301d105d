import type { Terminal } from '@xterm/xterm';

/** Characters within a tenth of a second past which nobody can follow what a screen reader says: more than a screen of them. */
const floodCharacters = 8000;
const windowMs = 100;
/** So long after a flood the text is there for screen readers again. Switching costs a layout of everything: it must be seldom. */
const calmMs = 500;

/**
 * Keeps a terminal's text for screen readers up to date, but for floods: there xterm would handle each character by itself, a hundred times slower than
 * drawing them, and read out none of them in time.
 */
export function quietFlood(terminal: Pick<Terminal, 'options' | 'refresh' | 'rows'>): {
  /** So many characters go to the terminal; call what it returns when the terminal has taken them. */
  takes(characters: number): () => void;
  close(): void;
} {
  let since = 0;
  let count = 0;
  /** Of a flood, given to the terminal and not taken yet. */
  let pending = 0;
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const calm = () => {
    terminal.options.screenReaderMode = true;
    // Its text is made with what is drawn next.
    terminal.refresh(0, terminal.rows - 1);
  };
  return {
    takes(characters) {
      const now = performance.now();
      if (now - since > windowMs) {
        since = now;
        count = 0;
      }
      count += characters;
      if (count < floodCharacters) return () => {};
      if (terminal.options.screenReaderMode) terminal.options.screenReaderMode = false;
      clearTimeout(timer);
      pending++;
      return () => {
        pending--;
        if (pending > 0 || closed) return;
        clearTimeout(timer);
        timer = setTimeout(calm, calmMs);
      };
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
