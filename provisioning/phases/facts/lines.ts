/** What a host says of itself: lines of "name value". It is outside of our hands, so that nothing in it is believed to be short or printable. */
export class FactLines {
  readonly #values = new Map<string, string[]>();

  constructor(stdout: string) {
    for (const line of stdout.split('\n')) {
      const space = line.indexOf(' ');
      const name = space < 0 ? line : line.slice(0, space);
      const values = this.#values.get(name) ?? [];
      // A host with a million routes would cost us more than it tells.
      if (name === '' || name.length > 40 || values.length >= mostLines) continue;
      values.push(space < 0 ? '' : clean(line.slice(space + 1)));
      this.#values.set(name, values);
    }
  }

  /** The last one said; undefined when none was. */
  one(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  all(name: string): string[] {
    return this.#values.get(name) ?? [];
  }

  /** A count that is not negative; undefined when it was not said or is none. */
  number(name: string): number | undefined {
    return asNumber(this.one(name));
  }
}

/** A finite number ≥ 0, or undefined. */
export const asNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+(\.\d+)?$/.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;

const mostLines = 4096;
const longest = 4096;

/** Control characters could move the cursor of whoever is shown the value. */
const clean = (text: string): string =>
  text
    .slice(0, longest)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
    .trim();
