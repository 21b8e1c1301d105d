import { describe, expect, it } from 'vitest';
import type { ExecuteOptions, ExecuteResult } from '../../ssh/execute.ts';
import { agentLogs, logScript, readJournalLine } from './logs.ts';

const result = (over: Partial<ExecuteResult> = {}): ExecuteResult => ({
  code: 0,
  signal: null,
  stdout: '',
  stderr: '',
  truncated: false,
  hostMs: 0,
  startMs: 0,
  beganAt: 0,
  pid: 1,
  ...over,
});
const journal = (message: unknown, priority = '6') =>
  `${JSON.stringify({ __REALTIME_TIMESTAMP: '1700000000123456', PRIORITY: priority, MESSAGE: message })}\n`;
const said = (text: string, details: object = {}) => journal(JSON.stringify({ time: 'x', level: 'warn', text, ...details }));

describe('logs of an agent', () => {
  it('are read from what the agent, systemd and a crash leave in the journal', () => {
    expect(readJournalLine(said('bus: connection lost', { error: 'gone' }), 'node')).toEqual({
      time: 1700000000123,
      level: 'warn',
      text: 'bus: connection lost',
      details: { error: 'gone' },
    });
    expect(readJournalLine(journal('Started MLSysOps node agent.'), 'node')).toMatchObject({ level: 'info', details: {} });
    expect(readJournalLine(journal('Main process exited', '3'), 'node')).toMatchObject({ level: 'error' });
    expect(readJournalLine(journal([0xc3, 0x28, 0x61]), 'node')?.text).toContain('a');
    expect(readJournalLine(journal(null), 'node')?.text).toContain('too large');
    for (const line of ['', '{', '[]', '{"MESSAGE":1}', 'null']) expect(readJournalLine(line, 'node')).toBeNull();
  });

  it('ask for numbers alone, within bounds', () => {
    expect(logScript({ layer: 'node', lines: 1e9, since: 1500, follow: true })).toMatch(
      /-u mlsysops-node .* -n 10000 --since=@1\.500 -f$/,
    );
    expect(logScript({ layer: 'node', lines: -4, since: Number.NaN })).toMatch(/ -n 0$/);
  });

  it('come without secrets, and end with the reason when there is no journal', async () => {
    const lines = [];
    const execute = async (_script: string, { onOutput }: ExecuteOptions) => {
      onOutput?.('stdout', said('refused', { error: 'password: hunter2hunter2' }) + said('second'));
      return result();
    };
    for await (const line of agentLogs({ layer: 'node', execute })) lines.push(line);
    expect(lines.map(({ text }) => text)).toEqual(['refused', 'second']);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    const failing = agentLogs({
      layer: 'node',
      execute: async () => result({ code: 1, stderr: 'No journal files were found.\n' }),
    });
    await expect(failing.next()).rejects.toThrow('No journal files were found');
  });

  it('are followed until nobody wants them any more, and never pile up', async () => {
    let tell: (text: string) => void = () => {};
    let isStopped = false;
    const execute = (_script: string, { onOutput, signal }: ExecuteOptions) =>
      new Promise<ExecuteResult>((_resolve, reject) => {
        tell = (text) => onOutput?.('stdout', text);
        signal?.addEventListener('abort', () => {
          isStopped = true;
          reject(new Error('cancelled'));
        });
      });
    const following = agentLogs({ layer: 'cluster', execute, follow: true });
    const first = following.next();
    tell(said('one'));
    expect((await first).value).toMatchObject({ text: 'one' });
    for (let count = 0; count < 6000; count++) tell(said(`line ${count}`));
    expect((await following.next()).value).toMatchObject({ level: 'warn', text: expect.stringContaining('1000 lines') });
    expect((await following.next()).value).toMatchObject({ text: 'line 1000' });
    await following.return();
    expect(isStopped).toBe(true);
  });
});
