import { isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { z } from 'zod';
import { apiVersion, type Description, isKind, type Kind, kinds } from './kinds.ts';
import { nearestName } from './nearest.ts';
import { checkMeaning, checkTogether } from './semantics.ts';

export interface DescriptionIssue {
  /** 1-based line in the file. */
  line: number;
  path: string;
  message: string;
}

/** A description that does not fit; the message names file, line and, for an unknown key, the nearest known one. */
export class DescriptionError extends Error {
  override readonly name = 'DescriptionError';
  readonly issues: DescriptionIssue[];
  constructor(fileName: string, issues: DescriptionIssue[]) {
    const ordered = issues.toSorted((a, b) => a.line - b.line);
    super(ordered.map((issue) => `${fileName}:${issue.line}: ${issue.message}`).join('\n'));
    this.issues = ordered;
  }
}

/**
 * Reads one description, in either form: the tree under one top key (`MLSysOpsApp:`), or the custom resource
 * (`apiVersion: mlsysops.eu/v1, kind: MLSysOpsApp, metadata, …fields at the root`).
 * Its meaning is checked too (a component that depends on itself, a weight of an unknown metric).
 * @throws DescriptionError with one issue per problem.
 */
export function parseDescription(text: string, fileName: string): Description {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const first = document.errors[0];
  if (first)
    throw new DescriptionError(fileName, [
      { line: first.linePos?.[0].line ?? 1, path: '', message: first.message.split('\n')[0]! },
    ]);
  const root: unknown = document.toJS();
  const lineOf = (path: PropertyKey[]): number => lineAt(document.contents, path, lines);
  const fail = (path: PropertyKey[], message: string): never => {
    throw new DescriptionError(fileName, [{ line: lineOf(path), path: path.join('.'), message }]);
  };
  if (!isRecord(root)) return fail([], `expected a description, e.g. one top key "MLSysOpsApp:"`);

  const { kind, prefix, tree } = splitForm(root, fail);
  const result = kinds[kind].schema.safeParse(tree);
  if (result.success) {
    const description = { kind, value: result.data } as Description;
    const meaning = checkMeaning(description).map(({ path, message }) => issueAt([...prefix, ...path], path, message, lineOf));
    if (meaning.length > 0) throw new DescriptionError(fileName, meaning);
    return description;
  }
  throw new DescriptionError(
    fileName,
    result.error.issues.flatMap((issue) => describeIssue(issue, kind, prefix, lineOf)),
  );
}

/** As `parseDescription`, for values that come from the Kubernetes API. @throws DescriptionError */
export function parseCustomResource(resource: Record<string, unknown>): Description {
  return parseDescription(
    JSON.stringify(resource),
    String(isRecord(resource.metadata) ? resource.metadata.name : 'custom resource'),
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const issueAt = (
  whole: PropertyKey[],
  path: PropertyKey[],
  message: string,
  lineOf: (path: PropertyKey[]) => number,
): DescriptionIssue => ({ line: lineOf(whole), path: path.join('.'), message: `${path.join('.')}: ${message}` });

/**
 * Reads descriptions that belong together, and checks what they say of each other.
 * @param files texts and the names that errors give them
 * @throws DescriptionError of the first file that has issues by itself, else of the first that does not fit the others
 */
export function parseDescriptions(files: readonly { fileName: string; text: string }[]): Description[] {
  const described = files.map(({ fileName, text }) => ({ fileName, description: parseDescription(text, fileName) }));
  const [first, ...others] = checkTogether(described);
  if (first) {
    const text = files.find(({ fileName }) => fileName === first.fileName)?.text ?? '';
    const lines = new LineCounter();
    const { contents } = parseDocument(text, { lineCounter: lines });
    const topKey = isMap(contents) && contents.items.length === 1 ? [String(contents.items[0]?.key)] : [];
    throw new DescriptionError(
      first.fileName,
      [first, ...others]
        .filter(({ fileName }) => fileName === first.fileName)
        .map(({ path, message }) => issueAt([...topKey, ...path], path, message, (at) => lineAt(contents, at, lines))),
    );
  }
  return described.map(({ description }) => description);
}

function splitForm(root: Record<string, unknown>, fail: (path: PropertyKey[], message: string) => never) {
  if ('apiVersion' in root || 'kind' in root) {
    const { apiVersion: version, kind, metadata, status: _status, ...fields } = root;
    if (version !== apiVersion) fail(['apiVersion'], `apiVersion is "${String(version)}", expected "${apiVersion}"`);
    if (typeof kind !== 'string' || !isKind(kind)) return fail(['kind'], unknownKey(String(kind), Object.keys(kinds), 'kind'));
    const named = isRecord(metadata) ? metadata.name : undefined;
    const nameField = kinds[kind].nameField;
    // The resource's own name serves where the field is left out: they are the same by convention.
    const tree = nameField in fields || named === undefined ? fields : { ...fields, [nameField]: named };
    return { kind, prefix: [] as PropertyKey[], tree };
  }
  const keys = Object.keys(root);
  const kind = keys[0];
  if (kind === undefined || keys.length > 1) return fail([], 'expected exactly one top key, e.g. "MLSysOpsApp:"');
  if (!isKind(kind)) return fail([kind], unknownKey(kind, Object.keys(kinds), 'kind'));
  return { kind, prefix: [kind] as PropertyKey[], tree: root[kind] };
}

function describeIssue(
  issue: z.core.$ZodIssue,
  kind: Kind,
  prefix: PropertyKey[],
  lineOf: (path: PropertyKey[]) => number,
): DescriptionIssue[] {
  const place = (path: PropertyKey[]) => ({ line: lineOf([...prefix, ...path]), path: path.join('.') });
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(kinds[kind].schema, issue.path);
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return {
        ...place(path),
        message: `${issue.path.length ? `${issue.path.join('.')}: ` : ''}${unknownKey(key, known, 'key')}`,
      };
    });
  }
  if (issue.code === 'invalid_union') {
    // One or several, a name or an object: what is wrong is told of the form that was chosen.
    const meant = issue.errors.filter((branch) => !branch.some(({ code, path }) => code === 'invalid_type' && path.length === 0));
    if (meant.length === 1)
      return meant[0]!.flatMap((inner) =>
        describeIssue({ ...inner, path: [...issue.path, ...inner.path] }, kind, prefix, lineOf),
      );
  }
  return [{ ...place(issue.path), message: `${issue.path.join('.') || kind}: ${issue.message}` }];
}

const unknownKey = (key: string, known: string[], what: string): string => `unknown ${what} "${key}"${nearestName(key, known)}`;

/** Known keys of the object at `path` of a schema; empty when there is none. */
function keysAt(schema: z.core.$ZodType, path: PropertyKey[]): string[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodUnion)
    return inner.options.map((option) => keysAt(option as z.core.$ZodType, path)).find(({ length }) => length > 0) ?? [];
  if (path.length === 0) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
  if (inner instanceof z.ZodArray) return keysAt(inner.element, path.slice(1));
  if (inner instanceof z.ZodObject) {
    const next = inner.shape[String(path[0])] as z.core.$ZodType | undefined;
    return next ? keysAt(next, path.slice(1)) : [];
  }
  return [];
}

const unwrap = (schema: z.core.$ZodType): z.core.$ZodType =>
  schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? unwrap(schema.unwrap()) : schema;

/** Line of the deepest node of `path` that exists; for a pair, of its key. */
function lineAt(contents: Node | null, path: PropertyKey[], lines: LineCounter): number {
  let node: unknown = contents;
  let offset = contents?.range?.[0] ?? 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key));
      if (!pair) break;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (typeof node === 'object' && node !== null && 'items' in node && Array.isArray(node.items)) {
      const item = node.items[Number(key)] as Node | undefined;
      if (!item) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  return lines.linePos(offset).line;
}
