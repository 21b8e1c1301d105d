import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  fence,
  type LeaseAnswer,
  type LeaseRequest,
  leaseFailure,
  leaseFile,
  leaseScript,
  parseLeaseAnswer,
  releaseScript,
  staleAfterS,
} from './lease.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'lease-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, 'lease');
/** The scripts as hosts run them, but for where the lease lies. */
const here = (script: string): string => script.replaceAll(leaseFile, file).replaceAll('8</run', `8<${folder}`);

const request = (token: string, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  token,
  owner: `owner of ${token}`,
  run: `run-${token}`,
  mode: 'take',
  ...more,
});
const answerOf = (stdout: string): LeaseAnswer | null =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('MARK '))
    .map((line) => parseLeaseAnswer(line.slice(5).split(' ')))[0] ?? null;

function ask(of: LeaseRequest, shell = 'sh'): LeaseAnswer | null {
  return answerOf(spawnSync(shell, ['-s'], { input: here(leaseScript('MARK', of)), encoding: 'utf8' }).stdout);
}
function askAtOnce(of: LeaseRequest): Promise<LeaseAnswer | null> {
  const child = spawn('sh', ['-s'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stdin.end(here(leaseScript('MARK', of)));
  return new Promise((resolve) => child.once('close', () => resolve(answerOf(stdout))));
}
const sh = (script: string) => spawnSync('sh', ['-s'], { input: here(script), encoding: 'utf8' });
/** A lease whose last sign of life is so many seconds ago. */
const silentFor = (seconds: number): void => {
  const [up = ''] = readFileSync('/proc/uptime', 'utf8').split('.');
  const lines = readFileSync(file, 'utf8').split('\n');
  // A computer that was just started has no time that long ago.
  writeFileSync(file, [...lines.slice(0, 3), Number(up) - seconds, Number(up) - seconds, ''].join('\n'));
};

describe('a lease', () => {
  it('is had by exactly one of those who ask at once, round after round, also when a stale one is taken over', async () => {
    for (let round = 0; round < 12; round++) {
      const tokens = Array.from({ length: 5 }, (_, index) => `r${round}-${index}`);
      const answers = await Promise.all(tokens.map((token) => askAtOnce(request(token))));
      const taken = tokens.filter((_, index) => answers[index]?.state === 'taken');
      expect(taken, `round ${round}: ${JSON.stringify(answers)}`).toHaveLength(1);
      for (const answer of answers)
        if (answer?.state !== 'taken')
          expect(answer).toMatchObject({ state: 'held', holder: { owner: `owner of ${taken[0]}`, run: `run-${taken[0]}` } });
      if (round % 2 === 0) silentFor(staleAfterS);
      else {
        sh(releaseScript('somebody-else'));
        expect(existsSync(file)).toBe(true);
        sh(releaseScript(taken[0]!));
        expect(existsSync(file)).toBe(false);
      }
    }
  });

  for (const shell of ['sh', 'bash']) {
    it(`goes to who may have it, and to nobody else (${shell})`, () => {
      rmSync(file, { force: true });
      const odd = { owner: 'al\'ice "$(touch /tmp/x)" \\ ü@laptop', run: 'a b\nc' };
      expect(ask(request('a', odd), shell)).toEqual({ state: 'taken', before: null });
      expect(ask(request('a', { ...odd, mode: 'keep' }), shell)).toEqual({ state: 'kept' });
      const held = { state: 'held', holder: expect.objectContaining(odd) };
      expect(ask(request('b'), shell)).toEqual(held);
      expect(ask(request('b', { mode: 'keep', takeOver: true }), shell)).toEqual(held);
      silentFor(staleAfterS - 30);
      expect(ask(request('b'), shell)).toEqual(held);
      // The same owner's earlier run is dead, unless it lives in the same process.
      expect(ask(request('b', { owner: odd.owner, alive: ['x', 'a'] }), shell)).toEqual(held);
      expect(ask(request('b', { owner: odd.owner, alive: ['x'] }), shell)).toEqual({ state: 'taken', before: odd.owner });
      expect(ask(request('c', { takeOver: true, alive: ['c'] }), shell)).toEqual({ state: 'taken', before: odd.owner });
      expect(ask(request('b', { owner: odd.owner, mode: 'keep' }), shell)).toMatchObject({ state: 'held' });
      silentFor(staleAfterS);
      expect(ask(request('d', { mode: 'keep' }), shell)).toMatchObject({ state: 'held' });
      expect(ask(request('d'), shell)).toMatchObject({ state: 'taken' });
      for (const rubbish of ['', 'x', 'x\ny\nz\nnan\n5\n', '\0\n\n\n\n\n']) {
        writeFileSync(file, rubbish);
        expect(ask(request('e'), shell), JSON.stringify(rubbish)).toMatchObject({ state: 'taken' });
      }
      expect(sh(`${fence('e', 96)}\necho on`).stdout).toBe('on\n');
      expect(sh(`${fence('f', 96)}\necho on`)).toMatchObject({ stdout: '', status: 96 });
      // Somebody took it over and gave it back: that is no restart of the host.
      expect(ask(request('g', { takeOver: true }), shell)).toMatchObject({ state: 'taken' });
      sh(releaseScript('g'));
      expect(ask(request('e', { mode: 'keep' }), shell)).toEqual({ state: 'lost' });
      rmSync(`${file}.lost`);
      expect(ask(request('e', { mode: 'keep' }), shell)).toEqual({ state: 'taken', before: null });
      rmSync(file);
      expect(sh(`${fence('e', 96)}\necho on`).status).toBe(96);
    });
  }

  it('is refused with who has it, since when, and what helps', () => {
    const holder = { owner: 'bob@lab (3f2a)', run: 'r1', forS: 3600, silentS: 7 };
    const now = new Date(2026, 0, 1, 15, 30).getTime();
    expect(leaseFailure('worker-1', holder, now).message).toBe(
      'worker-1: it is being provisioned by bob@lab (3f2a) since 14:30 (run r1, last sign of life 7 s ago). Wait for its end, or take the hosts over (--take-over) if that computer is gone; after 120 s without a sign of life that happens by itself',
    );
  });
});
