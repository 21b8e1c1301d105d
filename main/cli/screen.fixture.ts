import { EventEmitter } from 'node:events';

/**
 * The screen of a terminal, as far as the live display uses one: lines that break at the edge, cursor up, erase below, colours (which are dropped). When it is
 * made narrower or wider, lines that were broken are joined and broken anew, as terminals do.
 */
export class Screen extends EventEmitter {
  readonly isTTY = true;
  columns: number;
  rows = 24;
  /** Lines as they were ended; each takes as many rows as its length asks for. */
  #lines: string[] = [''];

  constructor(columns: number) {
    super();
    this.columns = columns;
  }

  write(text: string): boolean {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what steers a terminal begins with one
    for (const [part] of text.matchAll(/\u001b\[[0-9;]*[A-Za-z]|\n|[^\u001b\n]+/g)) {
      if (part === '\n') this.#lines.push('');
      else if (part.startsWith('\u001b[')) this.#obey(part);
      else this.#lines.push(`${this.#lines.pop() ?? ''}${part}`);
    }
    return true;
  }

  #obey(sequence: string): void {
    const count = Number(/\d+/.exec(sequence)?.[0] ?? 1);
    if (sequence.endsWith('A')) this.#up = count;
    else if (sequence.endsWith('J')) this.#eraseBelow();
    else if (!sequence.endsWith('m')) throw new Error(`this screen does not know ${JSON.stringify(sequence)}`);
  }

  #up = 0;
  /** What the cursor was moved up by, and everything below. */
  #eraseBelow(): void {
    if (this.#lines.at(-1) !== '') throw new Error('the cursor is not at the beginning of a line');
    const shown = this.shown;
    const kept = shown.slice(0, Math.max(0, shown.length - this.#up));
    // A cut in the midst of a line leaves its first rows.
    this.#lines = [...kept, ''];
    this.#up = 0;
  }

  /** Rows as they are seen, without the empty one that the cursor is in. */
  get shown(): string[] {
    return this.#lines.slice(0, -1).flatMap((line) => {
      if (line === '') return [''];
      return Array.from({ length: Math.ceil(line.length / this.columns) }, (_, row) =>
        line.slice(row * this.columns, (row + 1) * this.columns),
      );
    });
  }
}
