import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import { Failure } from '../run/failure.ts';

export type Path = readonly (string | number)[];

/** One thing that is wrong, and where. */
export interface Problem {
  path: Path;
  /** The key itself is wrong rather than its value. */
  atKey?: boolean;
  text: string;
  remedy?: string;
}

/** A YAML text that knows the line of each of its values. */
export class LocatedYaml {
  readonly value: unknown;
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #fileName: string;

  /** @throws Failure (invalid-file) when it is not YAML */
  constructor(text: string, fileName: string) {
    this.#fileName = fileName;
    this.#lines = new LineCounter();
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const [error] = this.#document.errors;
    if (error) {
      const { line, col } = this.#lines.linePos(error.pos[0]);
      throw new Failure({
        code: 'invalid-file',
        message: `${fileName}:${line}:${col}: ${error.message}`,
        cause: error.message,
        remedy: 'Correct the YAML there',
      });
    }
    try {
      this.value = this.#document.toJS({ maxAliasCount: 100 });
    } catch (cause) {
      throw new Failure({ code: 'invalid-file', message: `${fileName}:1:1: ${String(cause)}`, cause: String(cause) }, { cause });
    }
  }

  /** "line:column" of a value, or of what is nearest to it when it is missing. */
  place(path: Path, atKey = false): string {
    for (let length = path.length; length > 0; length--) {
      const offset = this.#offset(path.slice(0, length), atKey || length < path.length);
      if (offset === null) continue;
      const { line, col } = this.#lines.linePos(offset);
      return `${line}:${col}`;
    }
    return '1:1';
  }

  #offset(path: Path, atKey: boolean): number | null {
    const parent = path.length === 1 ? this.#document.contents : this.#document.getIn(path.slice(0, -1), true);
    const last = path.at(-1);
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(last));
      const node = atKey ? pair?.key : (pair?.value ?? pair?.key);
      return isNode(node) ? (node.range?.[0] ?? null) : null;
    }
    const node = this.#document.getIn(path, true);
    return isNode(node) ? (node.range?.[0] ?? null) : null;
  }

  /** All problems in one failure, in the order of the file; the first one gives the remedy. */
  failure(problems: readonly Problem[]): Failure {
    const placed = problems
      .map((problem) => ({ ...problem, place: this.place(problem.path, problem.atKey) }))
      .sort((a, b) => Number(a.place.split(':')[0]) - Number(b.place.split(':')[0]));
    const texts = placed.map(({ place, text }) => `${this.#fileName}:${place}: ${text}`);
    const more = texts.length > 3 ? `; and ${texts.length - 3} more` : '';
    const cause = texts.slice(0, 3).join('; ') + more;
    const remedy = placed.find((one) => one.remedy !== undefined)?.remedy;
    return new Failure({
      code: 'invalid-file',
      message: remedy === undefined ? cause : `${cause}. ${remedy}`,
      cause,
      remedy: remedy ?? 'Correct it there, then try again',
    });
  }
}
