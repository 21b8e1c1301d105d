import type { FailureValue, RunEvent } from '../../provisioning/run/events.ts';
import { LiveDisplay } from './live-display.ts';
import { drawProgress, legend } from './live-progress.ts';
import { duration, print } from './output.ts';
import { emptyPicture, type RunPicture, takeIn } from './run-picture.ts';
import { type Style, style, wantsColour } from './style.ts';

/** Shows a run while it goes. `pause` leaves the terminal to a question. */
export interface RunPrinter {
  take(event: RunEvent): void;
  pause(): void;
  resume(): void;
  end(): void;
}

/** A JSON value a line: the events of the run, as they are. */
export const jsonPrinter = (): RunPrinter => ({
  take: (event) => print(JSON.stringify(event)),
  pause: () => {},
  resume: () => {},
  end: () => {},
});

/** A table that is drawn in its place on a terminal, else plain lines; then a summary. */
export function humanPrinter(stream: NodeJS.WriteStream = process.stdout, env: NodeJS.ProcessEnv = process.env): RunPrinter {
  const picture = emptyPicture();
  const colours = style(wantsColour(stream, env));
  const live = stream.isTTY && env.TERM !== 'dumb' ? new LiveDisplay(stream, () => draw()) : null;
  const draw = () =>
    picture.phases.length === 0 ? [] : drawProgress(picture, { columns: stream.columns, rows: stream.rows }, Date.now(), colours);
  const line = (text: string) => (live ? live.line(text) : void stream.write(`${text}\n`));
  return {
    take(event) {
      // Somebody has stopped it: the summary says so, and nothing went wrong.
      if (event.type === 'failure' && event.failure.code === 'cancelled') return;
      if (event.type === 'started') {
        line(colours.strong(`${heading(event.verb)} ${event.testbed}: ${event.hosts.join(', ')}`));
        if (event.doubles.length > 0)
          line(colours.attention(`Running on doubles, not on the real programs, of: ${event.doubles.join(', ')}`));
        if (live) line(colours.quiet(legend));
      }
      takeIn(picture, event);
      if (event.type === 'cell' && live === null) {
        const text = cellLine(event, picture);
        if (text !== null) line(text);
      }
      // Its end says the same again, with what the host said.
      if (event.type === 'failure' && live) line(colours.bad(`✗ ${event.failure.message}`));
      if (event.type === 'warning') line(colours.attention(`! ${warningText(event)}`));
      if (event.type === 'paused')
        line(colours.attention(event.paused ? '! paused: what has begun goes on, nothing further begins' : 'goes on'));
      if (event.type === 'log' && event.stream === 'engine' && /taken over|waiting for it/.test(event.text))
        line(colours.quiet(`${event.host}: ${event.text.trim()}`));
      if (event.type === 'finished') {
        live?.end();
        for (const text of summary(picture, colours)) stream.write(`${text}\n`);
      }
    },
    pause: () => live?.pause(),
    resume: () => live?.resume(),
    end: () => live?.end(),
  };
}

const headings: Record<string, string> = {
  up: 'Setting up',
  down: 'Taking down',
  'remove-host': 'Removing a host of',
  'replace-host': 'Replacing a host of',
  upgrade: 'Upgrading',
  'rotate-certificates': 'Renewing the certificates of',
};
const heading = (verb: string): string => headings[verb] ?? verb;

const words: Record<string, string> = {
  done: 'done',
  'in-place': 'in place',
  warning: 'done, with a warning',
  failed: 'FAILED',
  held: 'held',
};

function cellLine(event: Extract<RunEvent, { type: 'cell' }>, picture: RunPicture): string | null {
  const word = words[event.state];
  if (word === undefined) return null;
  const title = picture.phases.find(({ id }) => id === event.phase)?.title ?? event.phase;
  const at = `${((event.time - picture.startedAt) / 1000).toFixed(1).padStart(6)} s`;
  const time = event.durationMs === undefined ? '' : `  ${duration(event.durationMs)}`;
  return `${at}  ${event.host.padEnd(12)} ${title.padEnd(18)} ${word}${time}${event.detail ? `  ${event.detail}` : ''}`;
}

const warningText = ({ host, text, remedy }: { host?: string; text: string; remedy?: string }): string =>
  `${host ? `${host}: ` : ''}${text}${remedy ? `. ${remedy}` : ''}`;

/** What took how long, every warning and failure again, and the last word. */
export function summary(picture: RunPicture, colours: Style): string[] {
  const { finished, warnings, failures } = picture;
  const lines: string[] = [''];
  const timed = picture.phases.filter(({ durationMs }) => durationMs !== null && durationMs >= 100);
  if (timed.length > 0) {
    const width = Math.max(...timed.map(({ title }) => title.length));
    lines.push('What took how long:');
    for (const { title, durationMs } of timed) lines.push(`  ${title.padEnd(width)}  ${duration(durationMs ?? 0).padStart(9)}`);
  }
  if (warnings.length > 0) {
    lines.push(colours.attention(warnings.length === 1 ? 'One warning:' : `${warnings.length} warnings:`));
    for (const warning of warnings) lines.push(`  ! ${warningText(warning)}`);
  }
  for (const failure of failures) lines.push(...failureLines(failure, colours));
  // A run that was refused as a whole has said it all.
  if (finished && !failures.some(({ message }) => message === finished.summary))
    lines.push(finished.state === 'done' ? colours.good(finished.summary) : colours.bad(finished.summary));
  return lines;
}

function failureLines({ message, stderr }: FailureValue, colours: Style): string[] {
  const said = stderr?.trim();
  return [colours.bad(`failed: ${message}`), ...(said ? said.split('\n').map((line) => colours.quiet(`    ${line}`)) : [])];
}
