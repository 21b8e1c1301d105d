import type { StepFile } from './phase.ts';

const shapes: RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  // kubeadm's bootstrap tokens
  /\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g,
  // JSON web tokens
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g,
  /(?<=\b(?:client-key-data|password|passwd|passphrase|secret|token)["']?\s*[:=]\s*["']?)[^\s"',;]{6,}/gi,
  /(?<=\b(?:Bearer|Basic) )[\w.~+/=-]{8,}/g,
  // of an account in an address
  /(?<=:\/\/[^\s:/@"']*:)[^\s@/"']+(?=@)/g,
];
const hidden = '•••';

/** Takes secrets out of what is shown or kept: those it was told of, and what looks like one. */
export class Redactor {
  readonly #known = new Set<string>();
  #pattern: RegExp | null = null;

  /** Values shorter than `atLeast` characters are left: they would blot out half of a log. */
  add(secret: string, atLeast = 6): void {
    const value = secret.trim();
    if (value.length < atLeast || this.#known.has(value)) return;
    this.#known.add(value);
    this.#pattern = null;
  }

  /** Everything in a secret file that could be one: all of it, the lines of keys, and words that mix letters and digits. */
  addFile(file: StepFile): void {
    if (!('content' in file) || file.secret !== true) return;
    const text = typeof file.content === 'string' ? file.content : new TextDecoder().decode(file.content);
    this.add(text);
    for (const block of text.match(/-----BEGIN [^-]*PRIVATE KEY-----[^-]+/g) ?? []) {
      for (const line of block.split('\n').slice(1)) this.add(line);
    }
    for (const word of text.match(/[\w+/=.~-]{16,}/g) ?? []) {
      if (/\d/.test(word) && /[a-z]/i.test(word) && !/^[/.]/.test(word)) this.add(word);
    }
  }

  text(text: string): string {
    this.#pattern ??= patternOf(this.#known);
    let clean = this.#pattern === null ? text : text.replace(this.#pattern, hidden);
    for (const shape of shapes) clean = clean.replace(shape, hidden);
    return clean;
  }

  /** The same value with every string in it cleaned. */
  value<T>(value: T): T {
    return this.#deep(value) as T;
  }
  #deep(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((one) => this.#deep(one));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.#deep(one)]));
  }
}

/** Longest first, so that a secret within a longer one does not leave the rest of that standing. */
function patternOf(known: Set<string>): RegExp | null {
  if (known.size === 0) return null;
  const escaped = [...known].sort((a, b) => b.length - a.length).map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(escaped.join('|'), 'g');
}
