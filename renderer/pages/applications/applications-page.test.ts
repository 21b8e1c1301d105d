import { expect, test } from 'vitest';
import { applicationsSentence } from './applications-page.tsx';

test('the sentence says what is not as described', () => {
  const one = (application: string, state: 'deployed' | 'degraded') => ({ application, state });
  expect(applicationsSentence([])).toBe('No application is deployed.');
  expect(applicationsSentence([one('a', 'deployed'), one('b', 'deployed')])).toBe('2 applications, all of them deployed.');
  expect(applicationsSentence([one('a', 'deployed'), one('b', 'degraded')])).toBe('2 applications; b not deployed as described.');
});
