import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { observeScript } from '../../run/script.ts';
import { membersLook } from '../karmada/scripts.ts';
import { exampleTestbed } from '../support/context-double.ts';
import { nodesLook, ownNodeLook } from './looks.ts';

/** A program named kubectl that gives an answer and counts how often it was asked. */
const folder = mkdtempSync(path.join(tmpdir(), 'mlsysops-looks-'));
const count = path.join(folder, 'count');
writeFileSync(path.join(folder, 'kubectl'), '#!/bin/sh\necho >>"$COUNT"\nprintf \'%s\' "$ANSWER"\n[ -n "$ANSWER" ]\n');
chmodSync(path.join(folder, 'kubectl'), 0o755);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => writeFileSync(count, ''));

const run = (script: string, answer: string): string =>
  execFileSync('/bin/sh', ['-s'], {
    input: script,
    encoding: 'utf8',
    env: { PATH: `${folder}:${process.env.PATH}`, COUNT: count, ANSWER: answer },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
const asked = () => readFileSync(count, 'utf8').length;

const hosts = exampleTestbed().hosts.filter(({ cluster }) => cluster === 'cluster1');
const [master, worker] = hosts as [(typeof hosts)[0], (typeof hosts)[0]];

/** Which of the conditions hold, looked at as a run does. */
function holding(look: { asks: Readonly<Record<string, string>> }, conditions: string[], answer: string): boolean[] {
  const steps = conditions.map((observe, index) => ({ id: String(index), title: '', asks: look.asks, observe, change: '' }));
  const said = run(observeScript('mark', steps), answer);
  return conditions.map((_, index) => said.includes(`mark in-place ${index} `));
}

describe('what a control plane says of its nodes', () => {
  const look = nodesLook(hosts);
  const conditions = [
    look.answers,
    look.isReady('master-1'),
    look.takesPods('worker-1'),
    ...[master, worker].map((host) => look.hasLabels(host)),
  ];
  const labels = (site: string, layer: string) => `${layer}|${site}|`;
  const up = `master-1|True||${labels('', 'cluster')}\nworker-1|True|other/taint|${labels('roof', 'node')}\n`;

  it('is asked once for all that look at it', () => {
    expect(holding(look, conditions, up)).toEqual([true, true, true, true, true]);
    expect(asked()).toBe(1);
  });

  it('is believed only where it says so', () => {
    expect(holding(look, conditions, '')).toEqual([false, false, false, false, false]);
    const notYet = up.replaceAll('True', 'Unknown').replace('roof', 'cellar');
    expect(holding(look, conditions, notYet)).toEqual([true, false, false, true, false]);
    const tainted = up.replace('other/taint', 'other/taint node.kubernetes.io/not-ready');
    expect(holding(look, conditions, tainted)).toEqual([true, true, false, true, true]);
    // Another node whose name begins or ends alike is another node.
    expect(holding(look, conditions, up.replaceAll('master-1', 'master-10'))).toEqual([true, false, true, false, true]);
  });

  it('is asked anew each time that it is waited for', () => {
    const again = `${look.fresh(look.isReady('master-1'))} && ${look.fresh(look.isReady('worker-1'))} && echo both`;
    expect(run(`set -eu; ${again}`, up)).toBe('both\n');
    expect(asked()).toBe(2);
    expect(run(`set -eu; if ${look.fresh(look.answers)}; then echo answers; else echo silent; fi`, '')).toBe('silent\n');
  });
});

it('a worker asks for its own node alone', () => {
  const look = ownNodeLook(worker);
  const conditions = [look.isKnown, look.takesPods];
  expect(holding(look, conditions, '|True||')).toEqual([true, true]);
  expect(holding(look, conditions, '|True|a node.kubernetes.io/not-ready|')).toEqual([true, false]);
  expect(holding(look, conditions, '|||')).toEqual([true, false]);
  expect(holding(look, conditions, '')).toEqual([false, false]);
});

it('Karmada is asked once for all members', () => {
  const conditions = [membersLook.answers, membersLook.isReady('cluster1'), membersLook.isReadyBy('cluster1', 'Push')];
  expect(holding(membersLook, conditions, 'members\ncluster1|Push|True\n')).toEqual([true, true, true]);
  expect(asked()).toBe(1);
  expect(holding(membersLook, conditions, 'members\ncluster1|Pull|True\n')).toEqual([true, true, false]);
  expect(holding(membersLook, conditions, 'members\ncluster1|Push|False\ncluster10|Push|True\n')).toEqual([true, false, false]);
  expect(holding(membersLook, conditions, '')).toEqual([false, false, false]);
});
