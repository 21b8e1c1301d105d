import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalHosts } from '../../provisioning/local-hosts/local-hosts.ts';
import type { RunEvent } from '../../provisioning/run/events.ts';
import { makeDoublesBundle } from '../doubles/bundle.ts';
import { helperPath, root } from '../hosts/fixture.ts';

const testbed = `killed-${process.pid}`;
const program = join(root, 'main', 'cli', 'bin.mjs');
const folder = mkdtempSync(join(tmpdir(), 'mlsysops-killed-'));
const data = join(folder, 'data');
const env = { ...process.env, MLSYSOPS_DATA: data, MLSYSOPS_BUNDLE: join(folder, 'bundle') };

const cli = (...args: string[]) => spawnSync(process.execPath, [program, ...args], { env, encoding: 'utf8', timeout: 200_000 });

/** Sets the testbed up; kills the core (SIGKILL) as soon as `phase` runs somewhere. @returns the events that were told, and the exit code */
function up(phase?: string): Promise<{ events: RunEvent[]; code: number | null }> {
  const child = spawn(process.execPath, [program, 'testbed', 'up', testbed, '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const events: RunEvent[] = [];
  let killed = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line) as RunEvent;
    events.push(event);
    if (killed || event.type !== 'step' || event.phase !== phase || event.state !== 'running') return;
    killed = true;
    process.kill(Number(readFileSync(join(data, 'core.lock'), 'utf8')), 'SIGKILL');
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ events, code })));
}

describe('a run whose app is killed', () => {
  beforeAll(async () => {
    await makeDoublesBundle(env.MLSYSOPS_BUNDLE);
    expect(cli('testbed', 'create', testbed, '--kind', 'local')).toMatchObject({ status: 0 });
  });
  afterAll(async () => {
    cli('core', 'stop');
    await new LocalHosts({ helper: helperPath }).destroy(testbed);
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  });

  it.each(['runtime', 'kubernetes', 'agents'])('is interrupted in the middle of the %s phase', async (phase) => {
    const { events, code } = await up(phase);
    expect(code).not.toBe(0);
    expect(events.some((event) => event.type === 'finished')).toBe(false);
  });

  it('completes when it is started again', async () => {
    const { events, code } = await up();
    expect({ code, failures: events.filter((event) => event.type === 'failure') }).toEqual({ code: 0, failures: [] });
    const status = JSON.parse(cli('testbed', 'status', testbed, '--json').stdout) as { nodes: { ready: boolean }[] };
    expect(status.nodes.map((node) => node.ready)).toEqual([true, true, true, true]);
  });

  it('has left secrets in no log, journal or store, nor in any process on either end', () => {
    const secrets = passwordsBelow(join(data, 'testbeds', testbed, 'secrets'));
    expect(secrets.length).toBeGreaterThan(5);
    const leaks: string[] = [];
    const look = (place: string, text: string) => {
      if (secrets.some((secret) => text.includes(secret))) leaks.push(place);
    };
    for (const file of filesBelow(data)) if (!file.includes('/secrets/')) look(file, readFileSync(file, 'latin1'));
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      for (const part of ['cmdline', 'environ']) look(`/proc/${pid}/${part}`, read(`/proc/${pid}/${part}`));
    }
    expect(leaks).toEqual([]);
  });
});

/** Processes of the local hosts are processes of this computer too: /proc here shows both ends. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // A process that has just ended tells nothing any more.
    return '';
  }
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return statSync(path).isFile() ? [path] : [];
  return readdirSync(path).flatMap((name) => filesBelow(join(path, name)));
}

/** Passwords and tokens, each a line of a file of its own, and the private key of the testbed. */
function passwordsBelow(path: string): string[] {
  return filesBelow(path)
    .filter((file) => /password|token/.test(file))
    .map((file) => readFileSync(file, 'utf8').trim())
    .filter((text) => text.length >= 8);
}
