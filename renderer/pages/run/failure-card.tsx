import { useState } from 'react';
import { Button, ErrorNote } from '../../parts/controls.tsx';
import { State } from '../../parts/glyphs.tsx';
import type { ShownError } from '../../state/connection.ts';
import { useNavigation } from '../../state/navigation.ts';
import type { RunPicture } from '../../state/run.ts';
import { openTerminal } from '../../state/terminals.ts';
import { runAgain } from '../../state/testbeds.ts';
import type { FailureValue } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { AcceptKeys, ResetHost, TakeOver } from './failure-remedies.tsx';
import { remedyOf } from './failure-remedy.ts';

const words = texts.run;

/** Everything that is known of a failure as text, for a message to someone else. */
export function failureReport(failure: FailureValue): string {
  const lines: [string, string | number | undefined][] = [
    [words.host, failure.host],
    [words.phase, failure.phase],
    [words.step, failure.step],
    [words.cause, failure.cause],
    [words.whatHelps, failure.remedy],
    [words.command, failure.command],
    [words.exitCode, failure.exitCode],
    [words.class, failure.code],
  ];
  const told = lines.filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`);
  return [failure.message, '', ...told, ...(failure.stderr ? ['', failure.stderr] : [])].join('\n');
}

interface FailureCardProps {
  picture: RunPicture;
  failure: FailureValue;
  testbed: string;
  twin: boolean;
}

/** The failed work and its remedy in one card: what, why, what helps, and the buttons that do it. */
export function FailureCard({ picture, failure, testbed, twin }: FailureCardProps) {
  const go = useNavigation((state) => state.go);
  const [copied, setCopied] = useState(false);
  const [error, setError] = useState<ShownError | null>(null);
  const running = picture.finished === null;
  const title = picture.phases.find((phase) => phase.id === failure.phase)?.title ?? failure.phase;
  const where = [failure.host, title].filter(Boolean).join(', ');
  const others = picture.failures.length - 1;
  const run = picture.run ?? '';
  const remedy = remedyOf(picture.failures, failure);
  const of = { testbed, run, disabled: running, onError: setError };
  return (
    <section className="card failed" aria-label={words.failure} data-testid={testIds.runFailure}>
      <header className="tall">
        <State name="bad" size={16} />
        <h2>{where ? `${where}: ${failure.step ?? words.stopped}` : words.theRunStopped}</h2>
        {others > 0 ? <span className="muted">{words.andMoreBefore(others)}</span> : null}
      </header>
      <div className="failure-body">
        <p className="body">{failure.cause}</p>
        {failure.command || failure.stderr ? (
          <pre className="output">
            {[
              failure.command ? `$ ${failure.command}` : null,
              failure.stderr?.trimEnd(),
              failure.exitCode === undefined ? null : words.exitCodeWas(failure.exitCode),
            ]
              .filter((line) => line !== null && line !== undefined)
              .join('\n')}
          </pre>
        ) : null}
        {failure.remedy ? (
          <div className="well">
            <div className="strong">{words.whatHelps}</div>
            <div className="secondary">{failure.remedy}</div>
          </div>
        ) : null}
        <ErrorNote error={error} />
        <div className="buttons">
          {remedy.kind === 'keys' ? <AcceptKeys {...of} keys={remedy.keys} /> : null}
          {remedy.kind === 'take-over' ? <TakeOver {...of} holders={remedy.holders} /> : null}
          <Button
            kind={remedy.kind === 'keys' || remedy.kind === 'take-over' ? 'plain' : 'primary'}
            large
            icon="refresh"
            disabled={running}
            data-testid={testIds.runAgain}
            title={words.whatIsInPlace}
            onClick={() => runAgain(testbed, run)}
            onError={setError}
          >
            {words.tryAgainFrom}
          </Button>
          {remedy.kind === 'reset' && !twin ? <ResetHost {...of} host={remedy.host} /> : null}
          {failure.host && !twin ? (
            <Button
              large
              icon="terminals"
              onClick={() => {
                openTerminal(testbed, failure.host ?? 'local');
                go('terminals');
              }}
            >
              {words.openShell}
            </Button>
          ) : null}
          <Button
            large
            kind="ghost"
            icon="copy"
            onClick={async () => {
              await navigator.clipboard.writeText(failureReport(failure));
              setCopied(true);
            }}
          >
            {copied ? words.reportCopied : words.copyReport}
          </Button>
        </div>
        {running ? <p className="caption secondary">{words.theOtherHosts}</p> : null}
      </div>
    </section>
  );
}
