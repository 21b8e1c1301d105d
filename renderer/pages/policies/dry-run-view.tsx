import { useState } from 'react';
import { Badge, Segment } from '../../parts/controls.tsx';
import { formatDuration, formatQuantity, metricTitle } from '../../parts/format.ts';
import { Icon, State } from '../../parts/glyphs.tsx';
import type { DryRunResult, DryRunSide } from '../../state/dry-run.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { CourseChart } from './course-chart.tsx';
import { differFrom, formatOffset, outcomeSentence, percent } from './dry-run-words.ts';

const words = texts.dryRun;

/** What came of both sides of a dry run, one beside the other, and what was simulated. */
export function DryRunView({ result }: { result: DryRunResult }) {
  const { present, candidate, minutes } = result;
  return (
    <div data-testid={testIds.dryRunResult}>
      <p className="sentence inset">{outcomeSentence(result)}</p>
      <Figures present={present} candidate={candidate} />
      {candidate.targets.map((target, index) => {
        const before = present.targets[index];
        if (target.overTarget === null || !before) return null;
        const label = words.chart(target.component, metricTitle(target.metric));
        return (
          <div key={`${target.application} ${target.component} ${target.metric}`} className="dry-run-chart">
            <span className="row gap-12">
              <span className="label">{label}</span>
              <span className="spacer" />
              <span className="key secondary">
                <Stroke dashed />
                {words.asItIs}
              </span>
              <span className="key secondary">
                <Stroke />
                {words.changed}
              </span>
            </span>
            <CourseChart
              label={label}
              present={before.course}
              candidate={target.course}
              target={target.target}
              unit={target.unit}
              minutes={minutes}
            />
          </div>
        );
      })}
      <Decisions present={present} candidate={candidate} />
      <MadeOf result={result} />
    </div>
  );
}

const Stroke = ({ dashed }: { dashed?: boolean }) => (
  <svg width="20" height="8" aria-hidden="true" className="course-chart">
    <path className={`data-line ${dashed ? 'as-it-is' : ''}`} d="M0 4H20" />
  </svg>
);

function Figures({ present, candidate }: { present: DryRunSide; candidate: DryRunSide }) {
  const changesOf = ({ moves, changes }: DryRunSide): string => String(moves + changes);
  return (
    <div className="cells dry-run-figures">
      {candidate.targets.map((target, index) => (
        <Figure
          key={`${target.application} ${target.component} ${target.metric}`}
          title={words.overTarget(target.component, formatQuantity(target.target, target.unit))}
          before={percent(present.targets[index]?.overTarget ?? null)}
          after={percent(target.overTarget)}
          below={
            target.mean === null
              ? ''
              : words.mean(formatQuantity(target.mean, target.unit), formatQuantity(target.worst, target.unit))
          }
        />
      ))}
      <Figure
        title={words.energy}
        before={formatQuantity(present.energyWh, 'Wh')}
        after={formatQuantity(candidate.energyWh, 'Wh')}
        below={words.energyHelp}
      />
      <Figure
        title={words.changes}
        before={changesOf(present)}
        after={changesOf(candidate)}
        below={words.decided(candidate.decided, candidate.acts)}
        failed={candidate.failedPlans}
      />
    </div>
  );
}

/** As it is → with the change. */
function Figure({
  title,
  before,
  after,
  below,
  failed = 0,
}: {
  title: string;
  before: string;
  after: string;
  below: string;
  failed?: number;
}) {
  return (
    <div>
      <div className="caption muted">{title}</div>
      <div className="row gap-6 figure">
        <span className="secondary">{before}</span>
        <Icon name="arrow" size={14} className="muted" />
        <span className="strong">{after}</span>
      </div>
      <div className="caption secondary">{below}</div>
      {failed > 0 ? (
        <div className="caption bad-text row gap-4">
          <State name="bad" size={12} />
          {words.failedPlans(failed)}
        </div>
      ) : null}
    </div>
  );
}

const mostShown = 40;

function Decisions({ present, candidate }: { present: DryRunSide; candidate: DryRunSide }) {
  const [shown, setShown] = useState<'acts' | 'all'>('acts');
  const differsAt = differFrom(present, candidate);
  return (
    <>
      <div className="row gap-12 dry-run-heading">
        <h3 className="label">{words.decisions}</h3>
        <span className="spacer" />
        <Segment
          label={words.show}
          value={shown}
          onChange={setShown}
          options={[
            { value: 'acts', label: words.acts },
            { value: 'all', label: words.all },
          ]}
        />
      </div>
      <div className="dry-run-sides">
        <Side title={words.asItIs} side={present} shown={shown} differsAt={differsAt} />
        <Side title={words.changed} side={candidate} shown={shown} differsAt={differsAt} />
      </div>
    </>
  );
}

function Side({
  title,
  side,
  shown,
  differsAt,
}: {
  title: string;
  side: DryRunSide;
  shown: 'acts' | 'all';
  differsAt: number | null;
}) {
  const decisions = side.decisions.filter(({ isAct }) => shown === 'all' || isAct);
  const total = shown === 'all' ? side.decided : side.acts;
  const first = differsAt === null ? -1 : decisions.findIndex(({ atS }) => atS >= differsAt);
  return (
    <section aria-label={title}>
      <h4 className="caption muted">{title}</h4>
      {decisions.length === 0 ? <p className="secondary">{shown === 'all' ? words.noDecisions : words.noActs}</p> : null}
      <ol className="dry-run-decisions">
        {decisions.slice(0, mostShown).map((decision, index) => (
          <li key={decision.id}>
            {index === first ? <p className="caption accent-text">{words.differs}</p> : null}
            <div className="dry-run-decision">
              <span className="mono muted">{formatOffset(decision.atS)}</span>
              <State name={decision.isAct ? 'act' : 'nonact'} size={12} />
              <span>
                <span className="row gap-6 wrap">
                  <span className="label">{decision.title}</span>
                  <Badge>{decision.policy}</Badge>
                  {decision.status === 'failed' ? <Badge kind="bad">{decision.status}</Badge> : null}
                </span>
                <span className="secondary">{decision.sentence}</span>
              </span>
            </div>
          </li>
        ))}
      </ol>
      {total > Math.min(decisions.length, mostShown) ? (
        <p className="muted">{words.more(total - Math.min(decisions.length, mostShown))}</p>
      ) : null}
      {side.failures.map(({ agent, policy, text }) => (
        <p key={`${agent} ${policy} ${text}`} className="bad-text row gap-6">
          <State name="bad" size={12} />
          <span>
            {words.wentWrong}: {policy ? `${policy}: ` : ''}
            {text}
          </span>
        </p>
      ))}
      {side.printed.length > 0 ? (
        <>
          <h4 className="caption muted">{words.printed}</h4>
          <pre className="output">{side.printed.join('\n')}</pre>
        </>
      ) : null}
    </section>
  );
}

function MadeOf({ result }: { result: DryRunResult }) {
  const { parameters, notes, minutes, seed, wallMs } = result;
  const counts = { described: 0, measured: 0, assumed: 0 };
  for (const { origin, of } of parameters) counts[origin] += of.length;
  return (
    <details className="plan-host">
      <summary>
        <Icon name="chevr" size={12} />
        <span className="label">{words.madeOf}</span>
        <span className="secondary">{words.origins(counts)}</span>
        <span className="spacer" />
        <span className="muted">{words.simulated(words.minutes(minutes), seed, formatDuration(wallMs))}</span>
      </summary>
      <ul className="dry-run-notes secondary">
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
      <table className="dry-run-parameters">
        <thead>
          <tr>
            <th>{words.parameter}</th>
            <th className="number">{words.value}</th>
            <th>{words.of}</th>
            <th>{words.from}</th>
          </tr>
        </thead>
        <tbody>
          {parameters.map(({ name, value, unit, of, origin, source }) => (
            <tr key={`${name} ${of[0]}`}>
              <td>{name}</td>
              <td className="number">{unit === 'share' ? percent(value) : formatQuantity(value, unit)}</td>
              <td title={of.join(', ')}>{of.length > 2 ? words.andMore(of[0] ?? '', of.length - 1) : of.join(', ')}</td>
              <td>
                <Badge kind={origin === 'measured' ? 'ok' : origin === 'described' ? 'info' : 'warn'}>
                  {words.origin(origin)}
                </Badge>{' '}
                <span className="secondary">{source}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
