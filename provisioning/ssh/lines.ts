import { StringDecoder } from 'node:string_decoder';

/** Longer lines are cut into several: whoever sends no newline must not fill our memory. */
const longestLine = 1_048_576;

/** Cuts a stream of bytes into lines. */
export class Lines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest = '';
  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }
  push(chunk: Buffer): void {
    const lines = this.#decoder.write(chunk).split('\n');
    const last = lines.pop() ?? '';
    for (const [index, line] of lines.entries()) {
      this.#onLine(index === 0 ? this.#rest + line : line);
      if (index === 0) this.#rest = '';
    }
    this.#rest += last;
    if (this.#rest.length < longestLine) return;
    this.#onLine(this.#rest);
    this.#rest = '';
  }
  end(): void {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = '';
    if (rest !== '') this.#onLine(rest);
  }
}
