import { randomBytes } from 'node:crypto';
import type { EventKind, NorthboundEvent } from './endpoints/events.ts';

/** Decisions are some kilobytes each. */
const mostKept = 1000;

export interface NumberedEvent {
  id: string;
  event: NorthboundEvent;
}

/** What happened lately, numbered, so that a listener who was away for a moment goes on where it was. */
export class EventLog {
  /** Numbers of another life of the agent mean nothing in this one. */
  readonly #life = randomBytes(4).toString('hex');
  readonly #kept: { number: number; event: NorthboundEvent }[] = [];
  readonly #listeners = new Set<(event: NumberedEvent) => void>();
  #number = 0;

  add(event: NorthboundEvent): void {
    const entry = { number: ++this.#number, event };
    this.#kept.push(entry);
    if (this.#kept.length > mostKept) this.#kept.shift();
    for (const listener of this.#listeners) listener(this.#numbered(entry));
  }

  /** Newest first. */
  latest<K extends EventKind>(kind: K): Extract<NorthboundEvent, { kind: K }>[] {
    const of = (event: NorthboundEvent): event is Extract<NorthboundEvent, { kind: K }> => event.kind === kind;
    return this.#kept
      .map(({ event }) => event)
      .filter(of)
      .reverse();
  }

  /** What came after the event of that id, beginning with a gap where not all of it is kept; nothing without an id. */
  since(id: string | undefined): NumberedEvent[] {
    if (id === undefined) return [];
    const [, life, digits] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(id) ?? [];
    const oldest = this.#kept[0]?.number ?? this.#number + 1;
    const all = this.#kept.map((entry) => this.#numbered(entry));
    const gap = (reason: string): NumberedEvent[] => [
      { id: `${this.#life}-${oldest - 1}`, event: { kind: 'gap', reason } },
      ...all,
    ];
    if (life !== this.#life) return gap('the agent has started anew, or the id is none of its own');
    const number = Number(digits);
    if (number + 1 < oldest) return gap('what came first after it is not kept any more');
    return all.slice(Math.max(0, number + 1 - oldest));
  }

  listen(listener: (event: NumberedEvent) => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  #numbered({ number, event }: { number: number; event: NorthboundEvent }): NumberedEvent {
    return { id: `${this.#life}-${number}`, event };
  }
}
