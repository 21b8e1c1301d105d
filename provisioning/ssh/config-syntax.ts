import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { Failure } from '../run/failure.ts';
import { matchesPattern } from './patterns.ts';
import { expandHome } from './target.ts';

/** One line of an ssh_config that means something, and where it stands. */
export type ConfigLine = { place: string } & (
  | { kind: 'host'; patterns: string[] }
  | { kind: 'match'; criteria: { name: string; negated: boolean; value: string | null }[] }
  | { kind: 'include'; files: ConfigLine[][] }
  | { kind: 'set'; keyword: string; words: string[]; rest: string }
);

export interface ConfigSource {
  homeFolder?: string;
  /** Where relative names of Include are looked for. */
  includeFolder: string;
}

/** As OpenSSH has it. */
const maximalDepth = 16;
/** Nobody's configuration is longer; a device or a database named by mistake is. */
const maximalBytes = 4_194_304;

const broken = (
  place: string,
  cause: string,
  remedy = 'Correct it there; "ssh -G HOST" tells what OpenSSH makes of it',
): Failure =>
  new Failure({ code: 'invalid-file', message: `${place}: ${cause}. ${remedy}`, cause: `${place}: ${cause}`, remedy });

/**
 * Reads an ssh_config(5) and what it includes; a file that is not there is empty. What its options mean is not looked at here.
 * @throws Failure (invalid-file) with file:line, also when somebody else could have written the file
 */
export function readConfigFile(file: string, source: ConfigSource, depth = 0): ConfigLine[] {
  let text: string;
  try {
    const { mode, uid, size } = statSync(file);
    const own = process.getuid?.();
    if (own !== undefined && ((mode & 0o022) !== 0 || (uid !== 0 && uid !== own)))
      throw broken(file, 'others than you can write this file', `Make it yours alone: chmod go-w ${file}`);
    if (size > maximalBytes) throw broken(file, `it is larger than ${maximalBytes / 1_048_576} MiB`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw broken(file, `it cannot be read (${code ?? String(error)})`, 'Correct its permissions');
  }
  return parseConfig(text, file, source, depth);
}

/** @throws Failure (invalid-file) with file:line */
export function parseConfig(text: string, file: string, source: ConfigSource, depth = 0): ConfigLine[] {
  return text.split('\n').flatMap((line, index): ConfigLine[] => {
    const place = `${file}:${index + 1}`;
    const parsed = splitLine(line, place);
    if (parsed === null) return [];
    const { keyword, words, rest } = parsed;
    if (keyword === 'host') return [{ kind: 'host', patterns: words, place }];
    if (keyword === 'match') return [{ kind: 'match', criteria: criteriaOf(words, place), place }];
    if (keyword !== 'include') return [{ kind: 'set', keyword, words, rest, place }];
    if (depth >= maximalDepth) throw broken(place, `it is included more than ${maximalDepth} deep: in a circle?`);
    const files = words.flatMap((word) => filesOf(word, source)).map((one) => readConfigFile(one, source, depth + 1));
    return [{ kind: 'include', files, place }];
  });
}

/** A keyword, then white space or one "=", then words; null for a comment or an empty line. */
function splitLine(line: string, place: string): { keyword: string; words: string[]; rest: string } | null {
  const trimmed = line.replace(/^[ \t\r\f]+|[ \t\r\n\f]+$/g, '');
  if (trimmed === '' || trimmed.startsWith('#')) return null;
  const found = /^(?:"([^"]*)"|([^ \t\r="]+))(?:[ \t\r]*=[ \t\r]*|[ \t\r]+|(?="))(.*)$/s.exec(trimmed);
  const keyword = (found?.[1] ?? found?.[2] ?? '').toLowerCase();
  const rest = found?.[3] ?? '';
  const words = splitWords(rest, place);
  if (keyword === '' || words.length === 0) throw broken(place, `"${shorten(trimmed)}" has no value`);
  return { keyword, words, rest };
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** As OpenSSH's argv_split: quotes of both kinds, backslashes before quotes, backslashes and blanks; "#" at the start of a word ends the line. */
function splitWords(text: string, place: string): string[] {
  const words: string[] = [];
  for (let at = 0; at < text.length; ) {
    if (/[ \t]/.test(text[at] ?? '')) {
      at++;
      continue;
    }
    if (text[at] === '#') break;
    let word = '';
    let quote = '';
    for (; at < text.length; at++) {
      const letter = text[at] ?? '';
      const next = text[at + 1] ?? '';
      if (letter === '\\' && (/["'\\]/.test(next) || (quote === '' && next === ' '))) {
        word += next;
        at++;
      } else if (quote === '' && /[ \t]/.test(letter)) break;
      else if (quote === '' && /["']/.test(letter)) quote = letter;
      else if (quote !== '' && letter === quote) quote = '';
      else word += letter;
    }
    if (quote !== '') throw broken(place, 'a quotation mark is not closed');
    words.push(word);
  }
  return words;
}

const withoutValue = ['all', 'canonical', 'final'];

function criteriaOf(words: string[], place: string): Extract<ConfigLine, { kind: 'match' }>['criteria'] {
  const criteria: Extract<ConfigLine, { kind: 'match' }>['criteria'] = [];
  for (let at = 0; at < words.length; at++) {
    const [written = '', attached] = (words[at] ?? '').split(/=(.*)/s);
    const negated = written.startsWith('!');
    const name = written.slice(negated ? 1 : 0).toLowerCase();
    if (withoutValue.includes(name)) {
      criteria.push({ name, negated, value: null });
      continue;
    }
    const value = attached ?? words[++at];
    if (value === undefined) throw broken(place, `"Match ${name}" has no value`);
    criteria.push({ name, negated, value });
  }
  return criteria;
}

/** Files that a name of Include means, in order: "~/" is home, a relative name is looked for in ~/.ssh, and it may have wildcards. */
function filesOf(name: string, { homeFolder, includeFolder }: ConfigSource): string[] {
  const absolute = path.resolve(includeFolder, expandHome(name, homeFolder));
  return absolute
    .split('/')
    .slice(1)
    .reduce<string[]>(
      (places, part) => {
        if (!/[*?[]/.test(part)) return places.map((place) => `${place}/${part}`);
        return places.flatMap((place) =>
          entriesOf(place)
            .filter((entry) => (part.startsWith('.') || !entry.startsWith('.')) && matchesPattern(entry, part, { classes: true }))
            .sort()
            .map((entry) => `${place}/${entry}`),
        );
      },
      [''],
    )
    .filter((file) => isFile(file));
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder === '' ? '/' : folder);
  } catch {
    // A folder that is not there, or not ours to read, has no file that matches: as with OpenSSH's glob.
    return [];
  }
}

const isFile = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isDirectory() === false;
