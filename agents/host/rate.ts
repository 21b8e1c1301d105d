/** A counter and when it was read; gives its growth per second from one reading to the next. */
export class Rate {
  #last: { value: number; at: number } | undefined;

  next(value: number | undefined, atMs: number): number | undefined {
    const last = this.#last;
    this.#last = value === undefined ? undefined : { value, at: atMs };
    // A counter that went back was reset: there is no telling what came between.
    if (value === undefined || !last || atMs <= last.at || value < last.value) return undefined;
    return ((value - last.value) * 1000) / (atMs - last.at);
  }
}
