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

  #erase(): string {
    const { length } = this.#drawn;
    this.#drawn = [];
    return length === 0 ? '' : `\u001b[${length}A\u001b[J`;
  }
}
