import { expect, test } from 'vitest';
import { fieldsOf, fieldTitle, issuesOf, policiesSentence } from './policy-words.ts';

const row = { kind: 'shipped' as const, version: '1', summary: '', error: null };

test('says in one sentence how the policies of an agent are', () => {
  const policies = [
    { ...row, name: 'relocate-by-latency', state: 'deciding' as const },
    { ...row, name: 'mine', state: 'broken' as const },
  ];
  expect(policiesSentence('cluster-cluster1', { policies, mode: 0 })).toBe(
    '1 of 2 policies of cluster-cluster1 decide, by heuristics; mine needs a look.',
  );
});

test('finds the line that a refusal names, in any of the ways that it is named', () => {
  expect(issuesOf('policy-x.py:12: NameError: y')).toMatchObject([{ line: 12 }]);
  expect(issuesOf('File "policy-x.py", line 3\n  SyntaxError')).toMatchObject([{ line: 3 }]);
  expect(issuesOf('Error transforming policy-x: Unexpected token (7:2)')).toMatchObject([{ line: 7 }]);
  expect(issuesOf('it has no plan')).toEqual([]);
});

test('makes a form of a schema, and has JSON written where no field fits', () => {
  const schema = {
    type: 'object',
    properties: {
      neededMargin: { type: 'number', default: 0.1, description: 'What a change must win by' },
      eager: { type: 'boolean' },
      mode: { enum: ['a', 'b'] },
      weights: { type: 'object' },
    },
  };
  expect(fieldsOf(schema).map(({ name, kind }) => [name, kind])).toEqual([
    ['neededMargin', 'number'],
    ['eager', 'boolean'],
    ['mode', 'choice'],
    ['weights', 'json'],
  ]);
  expect(fieldsOf(null)).toEqual([]);
  expect(['neededMargin', 'horizonS'].map(fieldTitle)).toEqual(['Needed margin', 'Horizon, s']);
});
