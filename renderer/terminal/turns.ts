/**
 * How long a turn takes, ms; after it the page hears keys, and draws when a frame is due. One that is flooded alone gets more through by drawing 30
 * times a second; several leave the page its 60.
 */
const aloneMs = 24;
const amongOthersMs = 4;
/** Characters of the first turn, when nobody knows yet how fast a terminal is, and those between which a turn stays. */
const firstCharacters = 32 * 1024;
const leastCharacters = 8 * 1024;
const mostCharacters = 1024 * 1024;

/** What a terminal is here: it takes text, and says when it has. */
export interface Taker {
  write(text: string, taken: () => void): void;
}
interface Waiting {
  text: string;
  taken: () => void;
}
interface Surroundings {
  /** Runs it as a task of its own. */
  later(next: () => void): void;
  hidden(): boolean;
  /** ms */
  now(): number;
}

/**
 * Gives terminals their output in turns, so much at once as they take in a part of a frame. By itself each would work for 12 ms before it lets the page
 * draw: four that are flooded would leave it no frame.
 */
export class Turns {
  /** In the order in which they get their turns; the first is at work while `#busy`. */
  readonly #waiting = new Map<Taker, Waiting[]>();
  readonly #around: Surroundings;
  #busy: Taker | null = null;
  /** Characters that are taken in a millisecond; null while nobody knows. */
  #speed: number | null = null;

  constructor(around: Surroundings = ofPage()) {
    this.#around = around;
  }

  /** @returns when the terminal has taken all of it, or was forgotten */
  write(terminal: Taker, text: string): Promise<void> {
    return new Promise((taken) => {
      const before = this.#waiting.get(terminal);
      if (before) before.push({ text, taken });
      else this.#waiting.set(terminal, [{ text, taken }]);
      if (this.#busy === null) this.#next();
    });
  }

  /** The terminal takes no more. */
  forget(terminal: Taker): void {
    for (const { taken } of this.#waiting.get(terminal) ?? []) taken();
    this.#waiting.delete(terminal);
    if (this.#busy !== terminal) return;
    this.#busy = null;
    this.#next();
  }

  #next(): void {
    const [first] = this.#waiting;
    if (!first) return;
    const [terminal, texts] = first;
    const { slice, whole } = take(texts, this.#size());
    this.#busy = terminal;
    let begun = 0;
    // The terminal takes both in one go, some time from now.
    terminal.write('', () => {
      begun = this.#around.now();
    });
    terminal.write(slice, () => {
      this.#learn(slice.length, this.#around.now() - begun);
      for (const { taken } of whole) taken();
      if (this.#busy !== terminal) return;
      // The next turn is another's.
      this.#waiting.delete(terminal);
      if (texts.length > 0) this.#waiting.set(terminal, texts);
      this.#around.later(() => {
        if (this.#busy !== terminal) return;
        this.#busy = null;
        this.#next();
      });
    });
  }

  #size(): number {
    // Timers of a hidden page come once a second, and a terminal wants one for each turn: what is there then goes at once.
    if (this.#around.hidden()) return mostCharacters;
    if (this.#speed === null) return firstCharacters;
    const turnMs = this.#waiting.size > 1 ? amongOthersMs : aloneMs;
    return Math.max(leastCharacters, Math.min(mostCharacters, Math.round(this.#speed * turnMs)));
  }

  #learn(characters: number, tookMs: number): void {
    // Of less, the clock of a page tells nothing.
    if (characters < leastCharacters) return;
    const speed = characters / Math.max(tookMs, 0.1);
    this.#speed = this.#speed === null ? speed : 0.7 * this.#speed + 0.3 * speed;
  }
}

/** Takes so many characters from the beginning of what waits, and tells which texts are whole with them. A surrogate pair stays together. */
function take(texts: Waiting[], size: number): { slice: string; whole: Waiting[] } {
  const whole: Waiting[] = [];
  let slice = '';
  for (let head = texts[0]; head; head = texts[0]) {
    const room = size - slice.length;
    if (room <= 0) break;
    if (head.text.length <= room) {
      slice += head.text;
      whole.push(head);
      texts.shift();
      continue;
    }
    const last = head.text.charCodeAt(room - 1);
    const end = last >= 0xd800 && last <= 0xdbff ? room + 1 : room;
    slice += head.text.slice(0, end);
    head.text = head.text.slice(end);
    if (head.text === '') whole.push(...texts.splice(0, 1));
  }
  return { slice, whole };
}

function ofPage(): Surroundings {
  // Without the 4 ms that a chain of timers is made to wait.
  const { port1, port2 } = new MessageChannel();
  const queue: (() => void)[] = [];
  port1.onmessage = () => queue.shift()?.();
  return {
    later(next) {
      queue.push(next);
      port2.postMessage(null);
    },
    hidden: () => document.hidden,
    now: () => performance.now(),
  };
}
