import { expect, test } from 'vitest';
import { checkSentence, checksByHost, reachMatrix } from './check-view.tsx';

const check = (host: string, id: string, severity: 'ok' | 'warning' | 'error') => ({ host, id, severity, evidence: id });

test('what is in the way stands first, of each host in its place', () => {
  const hosts = checksByHost([
    check('w1', 'clock', 'ok'),
    check('m', 'unreachable', 'error'),
    check('w1', 'port-6443', 'error'),
    check('w1', 'swap', 'warning'),
  ]);
  expect(hosts.map(({ host, worst, checks }) => [host, worst, checks.map(({ id }) => id)])).toEqual([
    ['w1', 'error', ['port-6443', 'swap', 'clock']],
    ['m', 'error', ['unreachable']],
  ]);
  expect(checkSentence(hosts)).toBe('w1, m have something in the way of a testbed.');
  expect(checkSentence(checksByHost([check('a', 'x', 'warning'), check('b', 'x', 'ok')]))).toBe(
    'Every host is fit; 1 host with something to look at.',
  );
});

test('the matrix holds each way once', () => {
  const way = (from: string, to: string, port: number) => ({
    ...{ from, to, port, address: '10.0.0.1', protocol: 'tcp' as const, purpose: 'API', answer: 'open' as const },
  });
  const ways = [way('a', 'b', 1), way('a', 'b', 2), way('c', 'a', 1)];
  const { hosts, at } = reachMatrix(ways);
  expect(hosts).toEqual(['a', 'b', 'c']);
  expect(hosts.flatMap((from) => hosts.flatMap((to) => at(from, to)))).toEqual(ways);
});
