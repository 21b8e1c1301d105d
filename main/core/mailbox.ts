/** What has come and has not been taken yet: between a source that does not wait and a receiver that may be slow. */
export class Mailbox<T> {
  readonly #maximum: number;
  #items: T[] = [];
  #wake: () => void = () => {};
  #ended = false;
  #error: Error | null = null;

  /** Past `maximum` items the oldest are let go. */
  constructor(maximum = Number.POSITIVE_INFINITY) {
    this.#maximum = maximum;
  }

  push(...items: T[]): void {
    if (this.#ended) return;
    for (const item of items) this.#items.push(item);
    if (this.#items.length > this.#maximum) this.#items = this.#items.slice(-this.#maximum);
    this.#wake();
  }

  /** Nothing more will come; with an error, `take` throws it once everything was taken. */
  end(error: Error | null = null): void {
    this.#ended = true;
    this.#error ??= error;
    this.#wake();
  }

  /** Everything there is, at least one item; null when it has ended or `signal` aborts. */
  async take(signal: AbortSignal): Promise<T[] | null> {
    while (this.#items.length === 0 && !this.#ended && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const stop = () => resolve();
        signal.addEventListener('abort', stop, { once: true });
        this.#wake = () => {
          signal.removeEventListener('abort', stop);
          resolve();
        };
      });
    }
    if (signal.aborted) return null;
    if (this.#items.length > 0) {
      const items = this.#items;
      this.#items = [];
      return items;
    }
    if (this.#error) throw this.#error;
    return null;
  }
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
