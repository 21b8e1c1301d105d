import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isAlive, listTestbeds, readTestbed, startTimeOf, writeTestbed } from './state.ts';
import { missingPackages } from './verbs.ts';

it('names the packages that are missing', () => {
  const root = mkdtempSync(join(tmpdir(), 'packages-'));
  const all = [
    'mmdebstrap',
    'systemd-container',
    'iproute2',
    'iptables',
    'openssh-client',
    'util-linux',
    'debian-archive-keyring',
  ];
  expect(missingPackages('/bin', root)).toEqual(all);
  mkdirSync(join(root, 'bin'));
  for (const program of ['ip', 'flock', 'ssh-keygen']) writeFileSync(join(root, 'bin', program), '');
  expect(missingPackages('/bin', root)).toEqual(['mmdebstrap', 'systemd-container', 'iptables', 'debian-archive-keyring']);
  rmSync(root, { recursive: true });
});

it('keeps what was made where the next helper finds it, and tells an owner from a later process with its number', () => {
  const places = { root: mkdtempSync(join(tmpdir(), 'state-')), cache: '/nowhere' };
  const startTime = startTimeOf(process.pid) ?? '';
  const state = {
    testbed: 'lab',
    index: 3,
    authorizedKey: 'k',
    base: '/b',
    owner: { pid: process.pid, startTime },
    machines: [],
  };
  writeTestbed(places, state);
  expect(listTestbeds(places)).toEqual([state]);
  expect(readTestbed(places, 'other')).toBeNull();
  expect(isAlive(state.owner)).toBe(true);
  expect(isAlive({ pid: process.pid, startTime: `${Number(startTime) - 1}` })).toBe(false);
  rmSync(places.root, { recursive: true });
});
