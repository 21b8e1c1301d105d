import type { WriteStream } from 'node:tty';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { RunEvent } from '../../provisioning/run/events.ts';
import { humanPrinter } from './run-printer.ts';
import { Screen } from './screen.fixture.ts';

/** A run, told to a printer that writes on a screen. */
const hosts = ['gate', 'pi-1'];
const phases = [
  { id: 'connect', title: 'Connect' },
  { id: 'kubernetes', title: 'Kubernetes' },
];
const event = (type: string, more: object): RunEvent => ({ type, time: Date.now(), ...more }) as RunEvent;
const cell = (phase: string, host: string, state: string, more = {}) => event('cell', { phase, host, state, ...more });

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

function begin(columns: number) {
  const screen = new Screen(columns);
  const printer = humanPrinter(screen as unknown as WriteStream, { TERM: 'xterm' });
  printer.take(event('started', { run: 'r', testbed: 'lab', verb: 'up', hosts, phases, doubles: [] }));
  for (const host of hosts) printer.take(cell('connect', host, 'done'));
  printer.take(event('phase', { phase: 'connect', state: 'done', durationMs: 1234 }));
  printer.take(event('phase', { phase: 'kubernetes', state: 'running' }));
  printer.take(cell('kubernetes', 'gate', 'running', { detail: 'Start the control plane', done: 2, total: 7 }));
  vi.advanceTimersByTime(1000);
  return { screen, printer };
}

const head = ['Setting up lab: gate, pi-1', '✓ done  = in place already  ! with a warning  ✗ failed  · not yet'];
const table = ['              gate   pi-1 ', '✓ Connect     ✓      ✓        1.2 s', '▸ Kubernetes  2/7    ·    '];

test('a run is drawn in its place: what goes on below, what stays above it', () => {
  const { screen, printer } = begin(80);
  expect(screen.shown).toEqual([...head, ...table, '  gate: Start the control plane, 1 s']);

  printer.take(event('warning', { phase: 'kubernetes', host: 'pi-1', text: 'its clock is off', remedy: 'Set it' }));
  vi.advanceTimersByTime(5000);
  const warning = '! pi-1: its clock is off. Set it';
  expect(screen.shown).toEqual([...head, warning, ...table, '  gate: Start the control plane, 6 s']);

  // A question has the terminal to itself, and the table comes back below it.
  printer.pause();
  expect(screen.shown).toEqual([...head, warning]);
  screen.write('Password: \n');
  vi.advanceTimersByTime(5000);
  expect(screen.shown).toEqual([...head, warning, 'Password: ']);
  printer.resume();
  vi.advanceTimersByTime(200);
  expect(screen.shown.slice(3)).toEqual(['Password: ', ...table, '  gate: Start the control plane, 11 s']);
});

test('its end leaves the table as it was last, and a summary with every warning', () => {
  const { screen, printer } = begin(80);
  printer.take(event('warning', { phase: '', text: 'a warning' }));
  for (const host of hosts) printer.take(cell('kubernetes', host, 'done'));
  printer.take(event('phase', { phase: 'kubernetes', state: 'done', durationMs: 20_000 }));
  printer.take(
    event('finished', { state: 'done', changed: 1, inPlace: 2, wallMs: 3, overheadMs: 0, sentBytes: 0, summary: 'lab is up' }),
  );
  vi.advanceTimersByTime(5000);
  expect(screen.shown).toEqual([
    ...head,
    '! a warning',
    table[0],
    table[1],
    '✓ Kubernetes  ✓      ✓       20.0 s',
    '',
    'What took how long:',
    '  Connect         1.2 s',
    '  Kubernetes     20.0 s',
    'One warning:',
    '  ! a warning',
    'lab is up',
  ]);
});

test('a terminal that is made narrower meanwhile keeps nothing of what was drawn before', () => {
  const { screen } = begin(80);
  screen.columns = 30;
  vi.advanceTimersByTime(2000);
  const lines = screen.shown;
  for (const part of ['Connect', 'Kubernetes', 'gate: Start'])
    expect(lines.filter((line) => line.includes(part))).toHaveLength(1);
  expect(lines.every((line) => line.length <= 30)).toBe(true);
});
