import { beforeEach, expect, test } from 'vitest';
import {
  acceptInput,
  closeTerminal,
  kubectlClusters,
  openKubectl,
  openOnAll,
  openTerminal,
  sessionTitle,
  setPanes,
  showTerminal,
  toggleBroadcast,
  type as typeInto,
  useTerminals,
} from './terminals.ts';

beforeEach(() => useTerminals.setState({ sessions: [], shown: [], panes: 1, broadcast: false }));
const hostsShown = () => {
  const { sessions, shown } = useTerminals.getState();
  return shown.map((id) => sessions.find((session) => session.id === id)?.host);
};

test('as many shells are seen as there are panes, the newest of them', () => {
  for (const host of ['a', 'b', 'c']) openTerminal('lab', host);
  expect(hostsShown()).toEqual(['c']);
  setPanes(2);
  expect(hostsShown()).toEqual(['b', 'c']);
  showTerminal(useTerminals.getState().sessions[0]!.id);
  expect(hostsShown()).toEqual(['c', 'a']);
  setPanes(4);
  expect(hostsShown()).toEqual(['b', 'c', 'a']);
  closeTerminal(useTerminals.getState().sessions[1]!.id);
  expect(hostsShown()).toEqual(['c', 'a']);
  openOnAll('lab', ['d', 'e', 'f', 'g']);
  expect(hostsShown()).toEqual(['d', 'e', 'f', 'g']);
});

test('what is typed goes to all that are seen while it is broadcast, and to no other', () => {
  const got: string[] = [];
  openOnAll('lab', ['a', 'b', 'c']);
  const hidden = openTerminal('lab', 'd');
  setPanes(2);
  const { sessions } = useTerminals.getState();
  const releases = sessions.map(({ id, host }) => acceptInput(id, (data) => got.push(`${host} ${data}`)));
  typeInto(sessions[2]!.id, 'x');
  toggleBroadcast();
  typeInto(hidden, 'y');
  expect(got.sort()).toEqual(['c x', 'c y', 'd y']);
  setPanes(1);
  expect(useTerminals.getState().broadcast).toBe(false);
  for (const release of releases) release();
  typeInto(hidden, 'z');
  expect(got).toHaveLength(3);
});

test('a testbed that is up has a kubectl for each of its clusters, members first, and for Karmada', () => {
  const host = { address: '', port: 22, user: 'u' };
  const hosts = [
    { ...host, name: 'm', role: 'management' as const, cluster: 'management' },
    { ...host, name: 'a', role: 'master' as const, cluster: 'cluster1' },
    { ...host, name: 'b', role: 'worker' as const, cluster: 'cluster1' },
  ];
  const testbed = { name: 'lab', kind: 'hosts' as const, hosts, doubles: [], lastRun: null, createdAt: 0, recording: null };
  expect(kubectlClusters({ ...testbed, state: 'up' })).toEqual(['cluster1', 'management', 'karmada']);
  expect(kubectlClusters({ ...testbed, state: 'down' })).toEqual([]);
  openKubectl('lab', 'cluster1');
  openTerminal('lab', 'local');
  expect(useTerminals.getState().sessions.map(sessionTitle)).toEqual(['kubectl cluster1', 'this computer']);
});
