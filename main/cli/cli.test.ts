import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../provisioning/run/events.ts';
import { makeProgram } from './cli.ts';
import { complete, type Known } from './completion.ts';
import { exitCodeOf, exitCodesHelp } from './exit-codes.ts';
import { drawProgress } from './live-progress.ts';
import { emptyPicture, takeIn } from './run-picture.ts';
import { summary } from './run-printer.ts';
import { style } from './style.ts';

const nothing = async () => {};

describe('completion', () => {
  const known: Known = {
    testbeds: () => ['lab', 'twin'],
    hosts: (testbed) => (testbed === 'lab' ? ['gate', 'pi-1', 'pi-2'] : []),
    clusters: () => ['management', 'cluster1', 'karmada'],
  };
  const completed = (line: string) => complete(makeProgram(nothing, nothing), line.split(' '), known);

  test('offers verbs, options, testbeds, hosts and clusters where they belong', () => {
    expect(completed('test')).toEqual(['testbed']);
    expect(completed('testbed re')).toEqual(['remove', 'reset', 'remove-host', 'replace-host']);
    expect(completed('testbed up ')).toEqual(['lab', 'twin']);
    expect(completed('testbed up lab --ta')).toEqual(['--take-over']);
    expect(completed('testbed up --take-over --only prepare l')).toEqual(['lab']);
    expect(completed('testbed remove-host lab pi')).toEqual(['pi-1', 'pi-2']);
    expect(completed('testbed reset lab --host ')).toEqual(['gate', 'pi-1', 'pi-2']);
    expect(completed('testbed kubeconfig lab --cluster k')).toEqual(['karmada']);
    expect(completed('testbed runs wa')).toEqual(['watch']);
    expect(completed('testbed create lab --kind t')).toEqual(['twin']);
    expect(completed('agents logs lab g')).toEqual(['gate']);
    expect(completed('completion ')).toEqual(['bash', 'zsh', 'fish']);
    // Files are the shell's to complete.
    expect(completed('testbed create ')).toEqual([]);
    expect(completed('testbed plan lab --out ')).toEqual([]);
  });
});

describe('a run on a terminal', () => {
  const plain = style(false);
  const play = (hosts: string[], events: RunEvent[]) => {
    const picture = emptyPicture();
    const phases = [
      { id: 'connect', title: 'Connect' },
      { id: 'kubernetes', title: 'Kubernetes' },
    ];
    const started = { type: 'started', time: 0, run: 'r', testbed: 'lab', verb: 'up', hosts, phases, doubles: [] } as const;
    for (const event of [started, ...events]) takeIn(picture, event as RunEvent);
    return picture;
  };
  const cell = (phase: string, host: string, state: string, more = {}): RunEvent =>
    ({ type: 'cell', time: 1000, phase, host, state, ...more }) as RunEvent;
  const events: RunEvent[] = [
    cell('connect', 'gate', 'done'),
    cell('connect', 'pi-1', 'in-place'),
    { type: 'phase', time: 1000, phase: 'connect', state: 'done', durationMs: 1234 },
    { type: 'phase', time: 1000, phase: 'kubernetes', state: 'running' },
    cell('kubernetes', 'gate', 'running', { detail: 'Start the control plane', done: 2, total: 7 }),
    cell('kubernetes', 'pi-1', 'failed'),
  ];

  test('is a table of phases and hosts, with what each host is doing', () => {
    expect(drawProgress(play(['gate', 'pi-1'], events), { columns: 80, rows: 24 }, 4000, plain)).toEqual([
      '              gate   pi-1 ',
      '✓ Connect     ✓      =        1.2 s',
      '▸ Kubernetes  2/7    ✗    ',
      '  gate: Start the control plane, 3 s',
    ]);
  });

  test('stays within the terminal with many hosts and few rows', () => {
    const hosts = ['gate', 'pi-1', ...Array.from({ length: 38 }, (_, index) => `worker-${index}`)];
    const lines = drawProgress(play(hosts, events), { columns: 80, rows: 5 }, 4000, plain);
    expect(lines).toEqual([
      '✓ Connect     2/40        1.2 s',
      '▸ Kubernetes  0/40    1 failed ',
      '  gate: Start the control plane, 3 s',
    ]);
  });

  test('ends with what took how long, and every warning and failure again', () => {
    const failure = { code: 'step', message: 'pi-1, kubernetes: no. Mend it', cause: 'no', stderr: 'one\ntwo\n' };
    const told = summary(
      play(
        ['gate', 'pi-1'],
        [
          ...events,
          { type: 'warning', time: 1, phase: 'facts', host: 'gate', text: 'the clock is late', remedy: 'Set it' },
          { type: 'failure', time: 2, failure },
          {
            type: 'finished',
            time: 3,
            state: 'failed',
            changed: 1,
            inPlace: 0,
            wallMs: 3,
            overheadMs: 1,
            sentBytes: 0,
            summary: 'lab is not up',
          },
        ],
      ),
      plain,
    );
    expect(told.join('\n')).toBe(`
What took how long:
  Connect      1.2 s
One warning:
  ! gate: the clock is late. Set it
failed: pi-1, kubernetes: no. Mend it
    one
    two
lab is not up`);
  });
});

test('every class of failure that provisioning knows has an exit code of its own, which --help tells', () => {
  const classes = [
    'unreachable',
    'host-key-unknown',
    'host-key-changed',
    'authentication',
    'sudo',
    'preflight',
    'artefact',
    'step',
    'cancelled',
    'invalid-file',
    'refused',
    'drift',
    'lease',
  ];
  for (const failure of classes) expect(exitCodesHelp).toMatch(new RegExp(`^ +${exitCodeOf(failure)}  `, 'm'));
  expect(classes.filter((failure) => exitCodeOf(failure) === 1)).toEqual([]);
});
