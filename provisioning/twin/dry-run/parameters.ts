import type { Parameter } from './result.ts';

/** What a simulation was set by, one by one; parameters that are alike are told together. */
export class ParameterBook {
  readonly #all = new Map<string, Parameter>();

  /** Notes it, and gives its value. */
  set(of: string, parameter: Omit<Parameter, 'of'>): number {
    const { name, value, unit, origin, source } = parameter;
    const rounded = Number(value.toPrecision(4));
    const key = [name, rounded, unit, origin, source].join('|');
    const known = this.#all.get(key);
    if (known) known.of.push(of);
    else this.#all.set(key, { name, value: rounded, unit, origin, source, of: [of] });
    return value;
  }

  get rows(): Parameter[] {
    return [...this.#all.values()];
  }
}
