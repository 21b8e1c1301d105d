import type { Terminal } from '@xterm/xterm';

/** Characters within a tenth of a second past which nobody can follow what a screen reader says. */
const floodCharacters = 32_000;
const windowMs = 100;
/** After a flood the text is there for screen readers again. */
const calmMs = 300;

/**
 * Keeps a terminal's text for screen readers up to date, but for floods: there xterm would handle each character by itself, a hundred times slower than
 * drawing them, and read out none of them in time.
 */
export function quietFlood(terminal: Pick<Terminal, 'options' | 'refresh' | 'rows'>): {
  took(characters: number): void;
  close(): void;
} {
  let since = 0;
  let count = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const calm = () => {
    terminal.options.screenReaderMode = true;
    // Its text is made with what is drawn next.
    terminal.refresh(0, terminal.rows - 1);
  };
  return {
    took(characters) {
      const now = performance.now();
      if (now - since > windowMs) {
        since = now;
        count = 0;
      }
      count += characters;
      if (count < floodCharacters) return;
      if (terminal.options.screenReaderMode) terminal.options.screenReaderMode = false;
      clearTimeout(timer);
      timer = setTimeout(calm, calmMs);
    },
    close: () => clearTimeout(timer),
  };
}
