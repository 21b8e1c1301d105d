import { useState } from 'react';
import { Button, ErrorNote, Segment, Select } from '../../parts/controls.tsx';
import { cancelDryRun, type DryRunInput, startDryRun, useDryRun } from '../../state/dry-run.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { DryRunView } from './dry-run-view.tsx';

const words = texts.dryRun;
const lengths = [10, 30, 60, 240] as const;
type Tried = 'written' | 'without';

/** Simulates what would come of a policy before it goes live, beside what comes of things as they are. */
export function DryRunPanel({
  testbed,
  agent,
  policy,
  canGo,
  isLive,
}: {
  testbed: string;
  agent: string;
  /** A file, or settings of a shipped policy, as they are written on the page. */
  policy: Exclude<DryRunInput['policy'], { off: true }>;
  /** What is written fits, as far as the window can tell. */
  canGo: boolean;
  /** A policy of that name decides now: it can be tried without it, too. */
  isLive: boolean;
}) {
  const run = useDryRun();
  const [minutes, setMinutes] = useState<(typeof lengths)[number]>(30);
  const [tried, setTried] = useState<Tried>('written');
  // The state is of one policy; another one's page begins anew, while the run goes on.
  const isOurs = run.input?.testbed === testbed && run.input.agent === agent && run.input.policy.name === policy.name;
  const { done, side, read, result, error } = isOurs ? run : { done: null, side: null, read: null, result: null, error: null };
  const isGoing = done !== null;
  return (
    <section className="card dry-run" aria-label={words.title} data-testid={testIds.dryRun}>
      <header className="tall">
        <h2>{words.title}</h2>
        <span className="muted ellipsis">{words.help}</span>
        <span className="spacer" />
        {isLive ? (
          <Segment
            label={words.what}
            value={tried}
            onChange={setTried}
            options={[
              { value: 'written', label: words.asWritten },
              { value: 'without', label: words.without },
            ]}
          />
        ) : null}
        <Select
          label={words.time}
          value={String(minutes)}
          options={lengths.map((length) => ({ value: String(length), label: words.minutes(length) }))}
          onChange={(value) => setMinutes(lengths.find((length) => String(length) === value) ?? 30)}
        />
        {isGoing ? (
          <Button icon="x" data-testid={testIds.dryRunCancel} onClick={cancelDryRun}>
            {words.cancel}
          </Button>
        ) : (
          <Button
            icon="twin"
            data-testid={testIds.dryRunStart}
            disabled={!canGo && tried === 'written'}
            onClick={() => {
              const change = tried === 'without' ? { name: policy.name, off: true as const } : policy;
              startDryRun({ testbed, agent, policy: change, minutes });
            }}
          >
            {words.start}
          </Button>
        )}
      </header>
      {isGoing ? (
        <div className="inset dry-run-going" role="status">
          <span className="meter accent" aria-hidden="true">
            <i style={{ width: `${Math.max(1, 100 * done)}%` }} />
          </span>
          <span className="row gap-12 secondary">
            <span>{side === null ? words.reading : words.going[side]}</span>
            <span className="spacer" />
            {read ? <span className="muted">{words.read(read)}</span> : null}
          </span>
        </div>
      ) : null}
      {error ? (
        <div className="inset">
          <ErrorNote error={error} testId={testIds.dryRunError} />
        </div>
      ) : null}
      {result ? <DryRunView result={result} /> : null}
    </section>
  );
}
