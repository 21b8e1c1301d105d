import { type Expression, premise } from '../decision/expression.ts';
import type { Premise } from '../decision/record.ts';
import { unitOf } from '../descriptions/common.ts';
import type { SeriesQuery, SlidingWindow } from '../telemetry/window.ts';
import type { Proposal } from './policy.ts';

/** Gathers what a proposal rests on: each reading or fact becomes a premise, once, and its expression is given back for the scores. */
export class PremiseBook {
  readonly premises: Premise[] = [];
  readonly readings: Proposal['readings'] = {};
  readonly #window: SlidingWindow;
  readonly #now: number;

  constructor(window: SlidingWindow, now: number) {
    this.#window = window;
    this.#now = now;
  }

  /** A reading, as the median of the last `overS` seconds (0: as it was told last); undefined where nothing was told. */
  reading(
    id: string,
    name: string,
    query: SeriesQuery,
    { range, overS = 5 }: { range?: [number, number]; overS?: number } = {},
  ): Expression | undefined {
    if (this.#has(id)) return premise(id);
    const [latest] = this.#window.latest(query);
    if (!latest) return undefined;
    const { component, node, source } = latest;
    this.readings[id] = query;
    this.premises.push({
      id,
      name,
      value: (overS > 0 ? this.#window.usual(query, this.#now - 1000 * overS) : undefined) ?? latest.value,
      unit: unitOf(query.metric),
      at: latest.time,
      source: `${query.metric} of ${component ? `${component} on ` : ''}${node}${source ? ` (${source})` : ''}`,
      usual: this.#window.usual(query) ?? latest.value,
      ...(range && { range }),
    });
    return premise(id);
  }

  /** Something that is known otherwise, and where from. */
  fact(id: string, name: string, value: number, unit: string, source: string, range?: [number, number]): Expression {
    if (!this.#has(id))
      this.premises.push({ id, name, value, unit, at: this.#now, source, usual: value, ...(range && { range }) });
    return premise(id);
  }

  valueOf(id: string): number | undefined {
    return this.premises.find((one) => one.id === id)?.value;
  }

  #has(id: string): boolean {
    return this.premises.some((one) => one.id === id);
  }
}
