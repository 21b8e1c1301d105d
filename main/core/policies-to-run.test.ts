import { expect, test } from 'vitest';
import { policyDetailSchema } from '../../agents/bus/administration.ts';
import { policiesToRun } from './policies-to-run.ts';

const policy = (name: string, kind: string, source: string | null) =>
  policyDetailSchema.parse({
    ...{ name, kind, source, version: '1', state: 'deciding', summary: '', error: null },
    ...{ settings: kind === 'shipped' ? { horizonS: 30 } : null, settingsSchema: null },
  });
const all = [
  policy('static-placement', 'shipped', null),
  policy('mine', 'typescript', 'export default {}'),
  policy('theirs', 'python', 'import os'),
];

test('Python that hosts hand over is not run on this computer, and is told; a simulated agent’s ran here before', () => {
  const policies = { 'static-placement': { horizonS: 30 } };
  const mine = { name: 'mine', language: 'typescript', content: 'export default {}' };
  expect(policiesToRun(all, false)).toEqual({ policies, files: [mine], leftOut: ['theirs'] });
  const theirs = { name: 'theirs', language: 'python', content: 'import os' };
  expect(policiesToRun(all, true)).toEqual({ policies, files: [mine, theirs], leftOut: [] });
});
