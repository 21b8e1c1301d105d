import type { Subscription } from '../../agents/bus/bus.ts';

/** Who wants to hear of something. A listener that throws is a bug of its own and does not keep the others from hearing. */
export class Listeners<T> {
  readonly #all = new Set<(value: T) => void>();

  add(listener: (value: T) => void): Subscription {
    // A wrapper, so that the same function may listen twice.
    const own = (value: T) => listener(value);
    this.#all.add(own);
    return { close: () => this.#all.delete(own) };
  }

  tell(value: T): void {
    for (const listener of [...this.#all]) listener(value);
  }

  get size(): number {
    return this.#all.size;
  }
}
