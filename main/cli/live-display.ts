import type { WriteStream } from 'node:tty';

/** At most so often: a table that flickers is not calm. */
const frameMs = 200;

/** Lines at the bottom of a terminal that are drawn again in their place, below lines that stay. */
export class LiveDisplay {
  readonly #stream: WriteStream;
  readonly #draw: () => string[];
  readonly #timer: NodeJS.Timeout;
  #drawn: string[] = [];
  #paused = false;

  constructor(stream: WriteStream, draw: () => string[]) {
    this.#stream = stream;
    this.#draw = draw;
    this.#timer = setInterval(() => this.#refresh(), frameMs);
    // What is long over does not keep the process.
    this.#timer.unref();
  }

  /** A line that stays, above the others. */
  line(text: string): void {
    this.#stream.write(`${this.#erase()}${text}\n`);
    this.#refresh();
  }

  /** Leaves the terminal to somebody else, e.g. a question. */
  pause(): void {
    this.#paused = true;
    this.#stream.write(this.#erase());
  }
  resume(): void {
    this.#paused = false;
    this.#refresh();
  }

  /** Leaves what was drawn last. */
  end(): void {
    clearInterval(this.#timer);
    this.#refresh();
    this.#paused = true;
  }

  #refresh(): void {
    if (this.#paused) return;
    const lines = this.#draw();
    if (lines.length === this.#drawn.length && lines.every((line, index) => line === this.#drawn[index])) return;
    const erased = this.#erase();
    this.#drawn = lines;
    this.#stream.write(`${erased}${lines.map((line) => `${line}\n`).join('')}`);
  }

  /** A terminal that was made narrower meanwhile has broken long lines into more rows. */
  #erase(): string {
    const { columns } = this.#stream;
    const rows = this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
    this.#drawn = [];
    return rows === 0 ? '' : `\u001b[${rows}A\u001b[J`;
  }
}

/** Columns that a line takes, without its colours. */
const widthOf = (line: string): number => line.replace(colour, '').length;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal begin with one
const colour = /\u001b\[[0-9;]*m/g;
