import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecuteResult } from '../../ssh/execute.ts';
import { exampleFacts, exampleTestbed } from '../support/context-double.ts';
import { checkOutside } from './outside.ts';
import type { ExecuteOn } from './reachability.ts';

const testbed = exampleTestbed();
const worker = testbed.hosts[2]!;
const server = createServer();
const closed = createServer();
const portOf = (of: typeof server) => (of.address() as AddressInfo).port;
let closedPort = 0;

beforeAll(async () => {
  for (const one of [server, closed]) await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  closedPort = portOf(closed);
  await new Promise((resolve) => closed.close(resolve));
});
afterAll(() => void server.close());

let scripts = 0;
/** This computer stands in for the host. */
const execute: ExecuteOn = (_, script) => {
  scripts++;
  const child = spawn('/bin/sh', ['-s'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stdin.end(typeof script === 'string' ? script : script('mark'));
  const answer: Omit<ExecuteResult, 'stdout'> = {
    code: 0,
    signal: null,
    stderr: '',
    truncated: false,
    hostMs: 0,
    startMs: 0,
    beganAt: 0,
    pid: null,
  };
  return new Promise((resolve) => child.once('close', () => resolve({ ...answer, stdout })));
};

describe('a host that lacks packages', () => {
  const lacking = (sources: string[]) => exampleFacts(worker, { packages: { missing: ['conntrack', 'socat'], sources } });
  const open = () => `http://127.0.0.1:${portOf(server)}`;
  const shut = () => `http://127.0.0.1:${closedPort}`;

  it('must reach one of the servers that have them, or its proxy', async () => {
    const of = async (sources: string[], file: object = {}) => {
      const [check, ...more] = await checkOutside(worker, lacking(sources), { ...testbed, ...file }, execute);
      expect(more).toEqual([]);
      return check;
    };
    expect(await of([shut(), open()])).toMatchObject({ id: 'internet', severity: 'ok' });
    expect(await of([shut()])).toEqual({
      id: 'internet',
      host: 'worker-1',
      severity: 'error',
      evidence: `it lacks conntrack, socat, and 127.0.0.1:${closedPort}, from where its packages come, cannot be reached (Connection refused)`,
      remedy: 'Let it out there, name the proxy that it has to use, or install what it lacks by hand',
    });
    // With a proxy it is the proxy that counts; and a bundle may bring what is missing.
    expect(await of([open()], { proxy: { http: shut(), noProxy: [] } })).toMatchObject({ severity: 'error' });
    expect(await of([shut()], { proxy: { http: open(), noProxy: [] } })).toMatchObject({ severity: 'ok' });
    expect(await of([shut()], { artefacts: { bundle: '/bundle' } })).toMatchObject({ severity: 'warning' });
  });

  it('counts pandas among them where policies in Python will run', async () => {
    const part = { installed: '1', offered: null };
    const runtime = { apt: true, containerd: part, runc: part, 'cni-plugins': part };
    const facts = exampleFacts(worker, { packages: { missing: [], sources: [shut()] }, runtime });
    const of = async (python: boolean) =>
      (await checkOutside(worker, facts, { ...testbed, preflight: { ignore: [], python } }, execute))[0]?.evidence;
    expect(await of(true)).toMatch(/^it lacks python3-pandas, and /);
    expect(await of(false)).toBe('not needed');
  });

  it('asks nobody when it lacks none, nor a server whose name is none', async () => {
    const before = scripts;
    expect(await checkOutside(worker, exampleFacts(worker), testbed, execute)).toMatchObject([{ severity: 'ok' }]);
    expect(await checkOutside(worker, lacking(["http://a';reboot;'/", 'ftp://b', 'file:/c']), testbed, execute)).toMatchObject([
      { severity: 'ok' },
    ]);
    expect(scripts).toBe(before);
  });
});
