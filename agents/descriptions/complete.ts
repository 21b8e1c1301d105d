import { z } from 'zod';
import { kinds } from './kinds.ts';

export interface Completion {
  label: string;
  /** What it is: "text", "number", "list", "one of high, one, none"… */
  detail: string;
  /** A key takes a colon after it. */
  kind: 'key' | 'value';
}

export interface Completions {
  /** Offset in the text where what is typed so far begins; it is what a completion replaces. */
  from: number;
  options: Completion[];
}

/**
 * What may stand at a place in a description that is being written, by the schema: keys of the mapping that the line belongs to, or values of
 * its key. Goes by indentation alone, so that it works in a file that is not valid yet.
 * @param offset characters from the beginning
 */
export function completionsAt(text: string, offset: number): Completions {
  const before = text.slice(0, offset);
  const lines = before.split('\n');
  const line = lines.at(-1) ?? '';
  const value = /^(\s*(?:- +)*)([\w-]+):\s+([\w./-]*)$/.exec(line);
  if (value) {
    const [, lead = '', key = '', typed = ''] = value;
    const schema = schemaAt([...pathAbove(lines, lead), key]);
    return { from: offset - typed.length, options: valuesOf(schema) };
  }
  const key = /^(\s*(?:- +)*)([\w-]*)$/.exec(line);
  if (!key) return { from: offset, options: [] };
  const [, lead = '', typed = ''] = key;
  const path = pathAbove(lines, lead);
  const schema = schemaAt(path);
  const item = schema === undefined ? undefined : throughLists(schema);
  const options = item instanceof z.ZodObject ? keysOf(item) : path.length === 0 ? topKeys() : valuesOf(item);
  return { from: offset - typed.length, options };
}

/** Keys under which the last line stands, outermost first. A list's items belong to the key above the list. */
function pathAbove(lines: readonly string[], lead: string): string[] {
  const path: string[] = [];
  let { column, isItem } = placeOf(lead);
  for (const line of lines.slice(0, -1).reverse()) {
    const found = /^(\s*(?:- +)*)([\w-]+):\s*(?:#.*)?$/.exec(line);
    if (!found) continue;
    const [, above = '', key = ''] = found;
    // A list may stand in the same column as its key.
    if (above.length > column || (above.length === column && (!isItem || above.includes('-')))) continue;
    path.unshift(key);
    ({ column, isItem } = placeOf(above));
    if (column === 0 && !isItem) break;
  }
  return path;
}

/** Where the mapping begins that a line belongs to, or the list whose item it begins. */
const placeOf = (lead: string): { column: number; isItem: boolean } =>
  lead.includes('-') ? { column: lead.indexOf('-'), isItem: true } : { column: lead.length, isItem: false };

/** The schema that a path of keys leads to, through lists; undefined where there is none. */
function schemaAt(path: readonly string[]): z.core.$ZodType | undefined {
  const [top, ...rest] = path;
  if (top === undefined) return undefined;
  const isTree = Object.hasOwn(kinds, top);
  // A custom resource has its fields at the root; of which kind they are need not be known to find them.
  const roots = isTree ? [kinds[top as keyof typeof kinds].schema] : Object.values(kinds).map(({ schema }) => schema);
  for (const root of roots) {
    const found = (isTree ? rest : path).reduce<z.core.$ZodType | undefined>((at, key) => {
      const inner = at === undefined ? undefined : throughLists(at);
      return inner instanceof z.ZodObject ? (inner.shape[key] as z.core.$ZodType | undefined) : undefined;
    }, root);
    if (found !== undefined) return unwrap(found);
  }
  return undefined;
}

const throughLists = (schema: z.core.$ZodType): z.core.$ZodType => {
  const inner = unwrap(schema);
  return inner instanceof z.ZodArray ? throughLists(inner.element) : inner;
};

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodPrefault
  )
    return unwrap(schema.unwrap());
  if (schema instanceof z.ZodPipe) return unwrap(schema.def.in instanceof z.ZodTransform ? schema.def.out : schema.def.in);
  return schema;
}

const keysOf = (schema: z.ZodObject): Completion[] =>
  Object.entries(schema.shape).map(([label, field]) => ({ label, detail: wordOf(field as z.core.$ZodType), kind: 'key' }));

const topKeys = (): Completion[] => Object.keys(kinds).map((label) => ({ label, detail: 'description', kind: 'key' }));

function valuesOf(schema: z.core.$ZodType | undefined): Completion[] {
  if (schema === undefined) return [];
  const inner = throughLists(schema);
  if (inner instanceof z.ZodEnum) return inner.options.map((label) => ({ label: String(label), detail: '', kind: 'value' }));
  if (inner instanceof z.ZodBoolean) return ['true', 'false'].map((label) => ({ label, detail: '', kind: 'value' }));
  if (inner instanceof z.ZodUnion) return inner.options.flatMap((option) => valuesOf(option as z.core.$ZodType));
  return [];
}

function wordOf(schema: z.core.$ZodType): string {
  const inner = unwrap(schema);
  const optional = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? '' : ' · required';
  const what =
    inner instanceof z.ZodArray
      ? 'list'
      : inner instanceof z.ZodObject
        ? 'mapping'
        : inner instanceof z.ZodEnum
          ? `one of ${inner.options.slice(0, 4).join(', ')}${inner.options.length > 4 ? '…' : ''}`
          : inner instanceof z.ZodBoolean
            ? 'true or false'
            : inner instanceof z.ZodNumber
              ? 'number'
              : 'text';
  return `${what}${optional}`;
}
