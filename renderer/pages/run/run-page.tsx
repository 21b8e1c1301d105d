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
import { texts } from '../../texts/texts.ts';
import { FailureCard } from './failure-card.tsx';
import { Matrix } from './matrix.tsx';
import { RunFigures } from './run-figures.tsx';
import { RunLog } from './run-log.tsx';

const words = texts.run;

/** How the run stands, in one sentence. */
export function runSentence(run: RunPicture): string {
  if (run.finished) return run.finished.summary;
  const verb = run.verb === 'up' ? words.setUp : run.verb === 'down' ? words.takenDown : 'changed';
  const stopped = [...new Set(run.failures.map((failure) => failure.host).filter((host) => host !== undefined))];
  if (stopped.length > 0) {
    const others = run.hosts.length - stopped.length;
    return words.stopped2(
      listNames(stopped),
      others === 0 ? words.noHostGoes : others === 1 ? words.theOtherHost : words.theOtherHostsGo(others),
    );
  }
  if (run.paused) return words.pausedWhat;
  return words.isBeing(run.testbed ?? words.theTestbed, verb);
}

const headings: Record<RunPicture['verb'], string> = {
  up: words.setUp2,
  down: words.takeDown,
  'remove-host': words.removeAHost,
  'replace-host': words.replaceAHost,
  upgrade: words.upgrade,
  'rotate-certificates': words.renewTheCertificates,
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
          <h1 data-testid={testIds.sentence}>{words.noRunYet}</h1>
          <p>{words.hereYouWill}</p>
          <Button kind="primary" onClick={() => go('testbeds')}>
            {words.chooseATestbed}
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
            label={words.run}
            value={run}
            options={runs.map((known, at) => ({
              value: known.run,
              label: words.run2(runs.length - at, formatClock(known.startedAt)),
            }))}
            onChange={onChoose}
          />
        ) : index > 0 ? (
          <Badge>{words.run3(index)}</Badge>
        ) : null}
        <DoublesBadge doubles={picture.doubles} />
        <span className="body secondary ellipsis" data-testid={testIds.sentence} title={runSentence(picture)}>
          {picture.startedAt === null ? (error ?? words.readingWhat) : runSentence(picture)}
        </span>
        <span className="spacer" />
        {picture.startedAt !== null ? (
          <span className="muted nowrap">
            {words.started(formatClock(picture.startedAt), formatAge(now - picture.startedAt))}
          </span>
        ) : null}
        {running && !interrupted ? (
          <>
            {twin ? null : (
              <Button
                icon={picture.paused ? 'play' : 'pause'}
                kind={picture.paused ? 'primary' : 'plain'}
                data-testid={testIds.runPause}
                title={words.whatHasBegun}
                onClick={() => currentClient().call('runs.pause', { run, paused: !picture.paused })}
                onError={setRefused}
              >
                {picture.paused ? words.goOn : words.pause}
              </Button>
            )}
            <Button
              icon="x"
              data-testid={testIds.runCancel}
              title={words.stepsInProgress}
              onClick={() => currentClient().call('runs.cancel', { run })}
              onError={setRefused}
            >
              {words.stop}
            </Button>
          </>
        ) : failure || interrupted ? (
          <Button icon="refresh" onClick={() => runAgain(testbed, run)} onError={setRefused}>
            {words.tryAgainFrom}
          </Button>
        ) : twin && current.state === 'up' ? null : (
          <Button icon="refresh" onClick={() => setUp(testbed)} onError={setRefused}>
            {words.setUpAgain}
          </Button>
        )}
      </div>
      <ErrorNote error={refused} />
      <RunFigures picture={picture} now={now} interrupted={interrupted} twin={twin} />
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
        {picture.finished?.state ?? (running ? words.running3 : words.unknown)}
      </output>
    </main>
  );
}
