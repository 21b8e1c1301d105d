import { useEffect, useMemo, useState } from 'react';
import { Badge, Button, DoublesBadge, ErrorNote, Select } from '../../parts/controls.tsx';
import { formatAge, formatClock, listNames } from '../../parts/format.ts';
import { currentClient, type ShownError, useConnection } from '../../state/connection.ts';
import { useNavigation } from '../../state/navigation.ts';
import { emptyRun, foldRun, type RunPicture } from '../../state/run.ts';
import { runAgain, setUp, useCurrentTestbed } from '../../state/testbeds.ts';
import type { RunSummary } from '../../state/types.ts';
import { useStream } from '../../state/use-stream.ts';
import { useNow } from '../../state/visible.ts';
import { testIds } from '../../test-ids.ts';
import { FailureCard } from './failure-card.tsx';
import { Matrix } from './matrix.tsx';
import { RunFigures } from './run-figures.tsx';
import { RunLog } from './run-log.tsx';

/** How the run stands, in one sentence. */
export function runSentence(run: RunPicture): string {
  if (run.finished) return run.finished.summary;
  const verb = run.verb === 'up' ? 'set up' : run.verb === 'down' ? 'taken down' : 'changed';
  const stopped = [...new Set(run.failures.map((failure) => failure.host).filter((host) => host !== undefined))];
  if (stopped.length > 0) {
    const others = run.hosts.length - stopped.length;
    return `${listNames(stopped)} stopped; ${others === 0 ? 'no host goes on' : others === 1 ? 'the other host goes on' : `the other ${others} hosts go on`}.`;
  }
  if (run.paused) return 'Paused. What has begun goes on to its end; the hosts stay taken until the run goes on or is stopped.';
  return `${run.testbed ?? 'The testbed'} is being ${verb}.`;
}

const headings: Record<RunPicture['verb'], string> = {
  up: 'Set up',
  down: 'Take down',
  'remove-host': 'Remove a host of',
  'replace-host': 'Replace a host of',
  upgrade: 'Upgrade',
  'rotate-certificates': 'Renew the certificates of',
};

export function RunPage() {
  const testbed = useCurrentTestbed();
  const go = useNavigation((state) => state.go);
  const [runs, setRuns] = useState<RunSummary[] | null>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  const connected = useConnection((state) => state.state);
  const name = testbed?.name ?? null;
  const lastRun = testbed?.lastRun ?? null;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is read again whenever a run begins or the testbed's state changes
  useEffect(() => {
    if (!name || connected !== 'connected') return;
    let wanted = true;
    currentClient()
      .call('runs.list', { testbed: name })
      .then(
        (list) => wanted && setRuns([...list].sort((a, b) => b.startedAt - a.startedAt)),
        () => wanted && setRuns([]),
      );
    return () => {
      wanted = false;
    };
  }, [name, lastRun, testbed?.state, connected]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new run is followed
  useEffect(() => setChosen(null), [name, lastRun]);

  const shown = chosen ?? lastRun ?? runs?.[0]?.run ?? null;
  if (!testbed || (runs !== null && shown === null)) {
    return (
      <main className="page">
        <div className="empty">
          <h1 data-testid={testIds.sentence}>No run yet</h1>
          <p>Here you will see what is done on each host, phase by phase, once a testbed is set up.</p>
          <Button kind="primary" onClick={() => go('testbeds')}>
            Choose a testbed
          </Button>
        </div>
      </main>
    );
  }
  return shown ? (
    <RunView key={shown} run={shown} runs={runs ?? []} testbed={testbed.name} onChoose={setChosen} />
  ) : (
    <main className="page" />
  );
}

interface RunViewProps {
  run: string;
  runs: readonly RunSummary[];
  testbed: string;
  onChoose: (run: string) => void;
}

function RunView({ run, runs, testbed, onChoose }: RunViewProps) {
  const [picture, setPicture] = useState<RunPicture>(emptyRun);
  const [host, setHost] = useState('all');
  const [error, setError] = useState<string | null>(null);
  const current = useCurrentTestbed();
  const hosts = current?.hosts ?? [];
  const twin = current?.kind === 'twin';
  const [refused, setRefused] = useState<ShownError | null>(null);
  useStream('runs.watch', { run }, (events) => setPicture((before) => foldRun(before, events)), {
    reopen: false,
    // A watch tells the run from its start each time it is opened.
    onOpen: () => setPicture(emptyRun),
    onEnd: (reason) => setError(reason?.message ?? null),
  });
  const running = picture.startedAt !== null && picture.finished === null;
  const now = useNow(running ? 250 : 10_000);
  const failure = picture.failures.at(-1) ?? null;
  const index = useMemo(() => [...runs].reverse().findIndex((known) => known.run === run) + 1, [runs, run]);
  const interrupted = runs.find((known) => known.run === run)?.state === 'interrupted';

  return (
    <main className="page run-page">
      <div className="row run-title">
        <h1>
          {headings[picture.verb]} {testbed}
        </h1>
        {index > 0 && runs.length > 1 ? (
          <Select
            label="Run"
            value={run}
            options={runs.map((known, at) => ({
              value: known.run,
              label: `Run ${runs.length - at}, ${formatClock(known.startedAt)}`,
            }))}
            onChange={onChoose}
          />
        ) : index > 0 ? (
          <Badge>Run {index}</Badge>
        ) : null}
        <DoublesBadge doubles={picture.doubles} />
        <span className="body secondary ellipsis" data-testid={testIds.sentence} title={runSentence(picture)}>
          {picture.startedAt === null ? (error ?? 'Reading what has happened so far') : runSentence(picture)}
        </span>
        <span className="spacer" />
        {picture.startedAt !== null ? (
          <span className="muted nowrap">
            started {formatClock(picture.startedAt)} · {formatAge(now - picture.startedAt)}
          </span>
        ) : null}
        {running && !interrupted ? (
          <>
            {twin ? null : (
              <Button
                icon={picture.paused ? 'play' : 'pause'}
                kind={picture.paused ? 'primary' : 'plain'}
                data-testid={testIds.runPause}
                title="What has begun goes on to its end, and nothing further begins"
                onClick={() => currentClient().call('runs.pause', { run, paused: !picture.paused })}
                onError={setRefused}
              >
                {picture.paused ? 'Go on' : 'Pause'}
              </Button>
            )}
            <Button
              icon="x"
              data-testid={testIds.runCancel}
              title="Steps in progress have a moment to end; later it can be gone on from there"
              onClick={() => currentClient().call('runs.cancel', { run })}
              onError={setRefused}
            >
              Stop
            </Button>
          </>
        ) : failure || interrupted ? (
          <Button icon="refresh" onClick={() => runAgain(testbed, run)} onError={setRefused}>
            Try again from here
          </Button>
        ) : (
          <Button icon="refresh" onClick={() => setUp(testbed)} onError={setRefused}>
            Set up again
          </Button>
        )}
      </div>
      <ErrorNote error={refused} />
      <RunFigures picture={picture} now={now} interrupted={interrupted} />
      {picture.hosts.length > 0 ? (
        <Matrix picture={picture} hosts={hosts} now={now} onHost={setHost} />
      ) : (
        <section className="card matrix-card skeleton" aria-hidden="true" />
      )}
      <div className={`run-below ${failure ? 'with-failure' : ''}`}>
        {failure ? <FailureCard picture={picture} failure={failure} testbed={testbed} twin={twin} /> : null}
        <RunLog picture={picture} host={host} onHost={setHost} />
      </div>
      <output className="visually-hidden" aria-live="polite" data-testid={testIds.runState}>
        {picture.finished?.state ?? (running ? 'running' : 'unknown')}
      </output>
    </main>
  );
}
