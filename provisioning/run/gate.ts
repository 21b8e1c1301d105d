/** Holds a run back: while it is closed, what has begun goes on to its end and nothing further begins. */
export class Gate {
  #opened: { promise: Promise<void>; open(): void; since: number } | null = null;
  #pausedMs = 0;
  /** Told whenever it closes or opens. */
  onChange: ((closed: boolean) => void) | null = null;

  get closed(): boolean {
    return this.#opened !== null;
  }

  /** For how long it has been closed so far, ms. */
  get pausedMs(): number {
    return this.#pausedMs + (this.#opened ? performance.now() - this.#opened.since : 0);
  }

  close(): void {
    if (this.#opened) return;
    let open = () => {};
    const promise = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.#opened = { promise, open, since: performance.now() };
    this.onChange?.(true);
  }

  open(): void {
    const opened = this.#opened;
    if (!opened) return;
    this.#pausedMs += performance.now() - opened.since;
    this.#opened = null;
    this.onChange?.(false);
    opened.open();
  }

  /** Resolves once it is open, or when the signal aborts. */
  async pass(signal: AbortSignal): Promise<void> {
    while (this.#opened && !signal.aborted) {
      const { promise } = this.#opened;
      let given = () => {};
      const aborted = new Promise<void>((resolve) => {
        given = resolve;
        signal.addEventListener('abort', given, { once: true });
      });
      await Promise.race([promise, aborted]);
      signal.removeEventListener('abort', given);
    }
  }
}
