import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDeepLink, windowCommandSchema } from './window.ts';

test('a deep link names a testbed and a page, and nothing else', () => {
  expect(parseDeepLink('mlsysops://testbed/lab')).toEqual({ command: 'go', testbed: 'lab', page: 'topology' });
  expect(parseDeepLink('mlsysops://testbed/lab-2/decisions')).toEqual({ command: 'go', testbed: 'lab-2', page: 'decisions' });
  for (const odd of [
    'mlsysops://testbed',
    'mlsysops://testbed/',
    'mlsysops://testbed/..',
    'mlsysops://testbed/lab%20x',
    'mlsysops://testbed/lab/decisions/more',
    'mlsysops://testbed/lab/Run%0a',
    'mlsysops://user:word@testbed/lab',
    'mlsysops://testbed:80/lab',
    'mlsysops://shell/lab',
    'https://testbed/lab',
    `mlsysops://testbed/${'x'.repeat(600)}`,
    'not a link',
    '--inspect=0',
  ])
    expect([odd, parseDeepLink(odd)]).toEqual([odd, null]);
});

test('whatever stands in a link, what comes of it fits the schema or is nothing', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((path) => `mlsysops://testbed/${path}`),
        fc.webUrl(),
      ),
      (text) => {
        const parsed = parseDeepLink(text);
        if (parsed !== null) expect(windowCommandSchema.parse(parsed)).toEqual(parsed);
      },
    ),
  );
});
