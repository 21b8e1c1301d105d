import type { RunEvent } from '../../provisioning/run/events.ts';
import type { ContractClient } from '../contract/contract.ts';
import { exitCodeOf } from './output.ts';

/** Follows a run to its end: lines for people, or JSON lines. @returns the exit code: 0 done, by class of failure otherwise. */
export function watchRun(client: ContractClient, run: string, json: boolean): Promise<number> {
  const printer = json ? (event: RunEvent) => void process.stdout.write(`${JSON.stringify(event)}\n`) : humanPrinter();
  let code = 1;
  let failureCode: string | null = null;
  const cancel = () => {
    process.stderr.write('Stopping after the step in progress. "testbed up" goes on from there.\n');
    client.call('runs.cancel', { run }).catch((error: Error) => process.stderr.write(`${error.message}\n`));
  };
  process.once('SIGINT', cancel);
  return new Promise((resolve, reject) => {
    client.open(
      'runs.watch',
      { run },
      (events) => {
        for (const event of events) {
          printer(event);
          if (event.type === 'failure') failureCode ??= event.failure.code;
          if (event.type === 'finished') {
            if (event.state === 'done') code = 0;
            else code = event.state === 'cancelled' ? exitCodeOf('cancelled') : exitCodeOf(failureCode ?? 'unknown');
          }
        }
      },
      (error) => {
        process.off('SIGINT', cancel);
        if (error) reject(error);
        else resolve(code);
      },
    );
  });
}

function humanPrinter(): (event: RunEvent) => void {
  const out = (text: string) => process.stdout.write(`${text}\n`);
  const started = { time: 0, titles: new Map<string, string>() };
  const failures: string[] = [];
  const warnings: string[] = [];
  const stamp = (time: number) => `${((time - started.time) / 1000).toFixed(1).padStart(6)} s`;
  return (event) => {
    switch (event.type) {
      case 'started':
        started.time = event.time;
        for (const phase of event.phases) started.titles.set(phase.id, phase.title);
        out(`${event.verb === 'up' ? 'Setting up' : 'Taking down'} ${event.testbed}: ${event.hosts.join(', ')}`);
        if (event.doubles.length > 0) out(`Running on doubles, not on the real programs, of: ${event.doubles.join(', ')}`);
        return;
      case 'cell':
        if (event.state === 'waiting' || event.state === 'running' || event.state === 'none') return;
        out(
          `${stamp(event.time)}  ${event.host.padEnd(12)} ${(started.titles.get(event.phase) ?? event.phase).padEnd(18)} ${describe(event)}`,
        );
        return;
      case 'warning':
        warnings.push(`${event.host ? `${event.host}: ` : ''}${event.text}${event.remedy ? ` ${event.remedy}` : ''}`);
        return;
      case 'failure':
        failures.push(
          event.failure.message + (event.failure.stderr ? `\n    ${event.failure.stderr.trim().replaceAll('\n', '\n    ')}` : ''),
        );
        return;
      case 'finished':
        for (const warning of warnings) out(`warning: ${warning}`);
        for (const failure of failures) process.stderr.write(`failed: ${failure}\n`);
        out(event.summary);
        return;
      default:
        return;
    }
  };
}

function describe(event: Extract<RunEvent, { type: 'cell' }>): string {
  const words = {
    done: 'done',
    'in-place': 'in place',
    warning: 'done, with a warning',
    failed: 'FAILED',
    held: 'held',
  } as const;
  const word = words[event.state as keyof typeof words] ?? event.state;
  const time = event.durationMs === undefined ? '' : `  ${(event.durationMs / 1000).toFixed(1)} s`;
  return `${word}${time}${event.detail ? `  ${event.detail}` : ''}`;
}
