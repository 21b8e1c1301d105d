import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'vite';
import { expect, test } from 'vitest';
import { choosing, counting } from './plural.ts';

const renderer = fileURLToPath(new URL('..', import.meta.url));

interface Node {
  type: string;
  start: number;
  [field: string]: unknown;
}
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value;
const childrenOf = (node: Node): Node[] =>
  Object.values(node).flatMap((value): Node[] => (Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : []));

/** Attributes that people read or hear. */
const told =
  /^(aria-label|aria-description|aria-valuetext|aria-roledescription|title|label|placeholder|alt|help|heading|confirm)$/;
const hasWord = (text: unknown): boolean => typeof text === 'string' && /\p{L}{2}/u.test(text);

/** Literals that stand where people read them: what an expression may come to. */
function shownIn(node: Node): Node[] {
  switch (node.type) {
    case 'Literal':
      return hasWord(node.value) ? [node] : [];
    case 'TemplateLiteral':
      return (node.quasis as { value: { cooked: string } }[]).some(({ value }) => hasWord(value.cooked))
        ? [node]
        : (node.expressions as Node[]).flatMap(shownIn);
    case 'ConditionalExpression':
      return [node.consequent as Node, node.alternate as Node].flatMap(shownIn);
    case 'LogicalExpression':
      return [node.left as Node, node.right as Node].flatMap(shownIn);
    case 'JSXExpressionContainer':
      return shownIn(node.expression as Node);
    default:
      return [];
  }
}

/** Lines of a file on which something is said in words that are not of the catalogue. */
function wordsOutside(name: string, source: string): string[] {
  const found: Node[] = [];
  const visit = (node: Node): void => {
    if (node.type === 'JSXText' && hasWord(node.value)) found.push(node);
    if (node.type === 'JSXElement' || node.type === 'JSXFragment')
      for (const child of node.children as Node[]) if (child.type === 'JSXExpressionContainer') found.push(...shownIn(child));
    if (node.type === 'JSXAttribute' && isNode(node.value) && told.test(String((node.name as Node).name)))
      found.push(...shownIn(node.value));
    for (const child of childrenOf(node)) visit(child);
  };
  visit(parseSync(name, source).program as unknown as Node);
  return found.map(({ start }) => {
    const line = source.slice(0, start).split('\n').length;
    return `${name}:${line}: ${source.split('\n')[line - 1]?.trim()}`;
  });
}

test('every word that the window says stands in the catalogue', () => {
  const files = readdirSync(renderer, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.tsx') && !file.endsWith('.test.tsx') && !file.startsWith('texts/'),
  );
  expect(files.length).toBeGreaterThan(50);
  const outside = files.flatMap((file) => wordsOutside(relative('.', file), readFileSync(join(renderer, file), 'utf8')));
  expect(outside).toEqual([]);
});

test('finds words in text, in what is read aloud, and in what an expression comes to', () => {
  const lines = (source: string) => wordsOutside('a.tsx', source).length;
  expect(lines('const a = <p>Some words</p>;')).toBe(1);
  expect(lines('const a = <p aria-label="Some words" className="some words" />;')).toBe(1);
  expect(lines("const a = <p>{b ? 'yes' : c ? `none` : null}</p>;")).toBe(2);
  expect(lines("const a = <p title={b ?? 'none'}>{b === 'yes' ? words.yes : ' · '}</p>;")).toBe(1);
  expect(lines('const a = <p title={words.a}>{words.b(c)} ×</p>;')).toBe(0);
});

test('counts as the language does', () => {
  const english = counting('en');
  const host = { one: 'host', other: 'hosts' };
  expect([0, 1, 2, 1000].map((value) => english(value, host))).toEqual(['0 hosts', '1 host', '2 hosts', '1000 hosts']);
  // Polish has more forms than English; what a catalogue leaves out falls back.
  const polish = counting('pl');
  const file = { one: 'plik', few: 'pliki', many: 'plików', other: 'pliku' };
  expect([1, 2, 5, 22].map((value) => polish(value, file))).toEqual(['1 plik', '2 pliki', '5 plików', '22 pliki']);
  expect(choosing('pl')(5, { one: 'jest', other: 'są' })).toBe('są');
});
