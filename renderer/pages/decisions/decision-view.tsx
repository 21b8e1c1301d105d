import { Badge } from '../../parts/controls.tsx';
import {
  formatAge,
  formatClock,
  formatPrediction,
  formatQuantity,
  formatSigned,
  metricTitle,
  quantity,
} from '../../parts/format.ts';
import { Icon, LayerShape, State } from '../../parts/glyphs.tsx';
import { askForPolicy } from '../../state/agent-choice.ts';
import { useNavigation } from '../../state/navigation.ts';
import { useTestbedNow } from '../../state/twin-clock.ts';
import { type Candidate, type DecisionRecord, isAct } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { Candidates } from './candidates.tsx';
import { ExpectedActual } from './expected-actual.tsx';
import { Flips } from './flips.tsx';
import { PlanView } from './plan-view.tsx';
import { SimilarDecisions } from './similar-view.tsx';
import { Waterfall } from './waterfall.tsx';
import { WhatIf } from './what-if.tsx';
import { bestChangeOf, candidateOf, stayWasPossible, upperFirst } from './words.ts';

/** One decision: the sentence, then everything it rests on. All of it is from the record. */
export function DecisionView({ record }: { record: DecisionRecord }) {
  return (
    <article className="decision">
      <Origin record={record} />
      <Figures record={record} />
      <div className="evidence">
        <Candidates record={record} />
        <Waterfall record={record} />
      </div>
      <div
        className={`consequences ${record.premises.some((premise) => premise.range) || record.expected.length > 0 ? '' : 'sparse'}`}
      >
        <WhatIf record={record} />
        <Flips record={record} />
        <ExpectedActual record={record} />
      </div>
      <div className="aftermath">
        <SimilarDecisions record={record} />
        <PlanView record={record} />
      </div>
    </article>
  );
}

function Origin({ record }: { record: DecisionRecord }) {
  const now = useTestbedNow(10_000);
  const go = useNavigation((state) => state.go);
  const act = isAct(record);
  const { layer, cluster, node } = record.agent;
  const place = layer === 'node' ? node : layer === 'cluster' ? cluster : 'the continuum';
  return (
    <div>
      <div className="row gap-6 caption muted origin">
        <State name={act ? 'act' : 'nonact'} size={12} />
        <span>{act ? 'Act' : 'Non-act'}</span>
        <span>·</span>
        <span>
          {formatClock(record.time)}, {formatAge(now - record.time)}
        </span>
        <span>·</span>
        <LayerShape name={layer} size={10} />
        <span>
          {layer} agent of {place}
        </span>
        <span>·</span>
        <button
          type="button"
          className="link caption"
          title="Its source and settings, as they are now"
          onClick={() => {
            askForPolicy(record.agent.id, record.policy.name);
            go('policies');
          }}
        >
          policy {record.policy.name} {record.policy.version}
        </button>
        <span>·</span>
        <span
          title={
            record.exploration
              ? 'Chosen to learn from what comes of it, not because it scored best'
              : 'The choice that scored best; nothing was tried for the sake of learning'
          }
        >
          {record.exploration ? 'explored on purpose' : 'no exploration'}
        </span>
      </div>
      <h1 className="sentence" data-testid={testIds.decisionSentence}>
        {record.sentence}
      </h1>
      <p className="secondary trigger">
        {upperFirst(record.trigger.text.replace(/[a-z]+(?:_[a-z0-9]+)+/g, (metric) => metricTitle(metric).toLowerCase()))}
      </p>
    </div>
  );
}

/** Before → after for each predicted figure, the scores, and the margin against what was needed. */
function Figures({ record }: { record: DecisionRecord }) {
  const act = isAct(record);
  const stay = candidateOf(record, record.stay);
  const other = act ? candidateOf(record, record.choice) : bestChangeOf(record.candidates, record.stay);
  const subject = act ? other : stay;
  const target = record.premises.find((premise) => premise.id === 'target');
  return (
    <section className="card cells figures" aria-label="Figures">
      {(subject?.predicted ?? []).slice(0, 3).map((outcome) => {
        const before = stay?.predicted.find((one) => one.metric === outcome.metric);
        const alternative = other?.predicted.find((one) => one.metric === outcome.metric);
        const actual = record.actual?.outcomes.find((one) => one.metric === outcome.metric);
        const goal = target && target.unit === outcome.unit ? target : undefined;
        const met = goal ? outcome.value <= goal.value : null;
        return (
          <div key={outcome.metric}>
            <div className="caption muted">{metricTitle(outcome.metric)}, expected</div>
            <div className="row gap-6 figure">
              {act && before ? (
                <>
                  <span className="muted">{quantity(before.value, before.unit).text}</span>
                  <Icon name="arrow" size={13} className="muted" />
                </>
              ) : null}
              <span className="strong nowrap">{formatQuantity(outcome.value, outcome.unit)}</span>
              {goal ? (
                <Badge kind={met ? 'ok' : 'bad'}>
                  <State name={met ? 'ok' : 'bad'} size={12} />
                  target {formatQuantity(goal.value, goal.unit)}
                </Badge>
              ) : null}
            </div>
            <div className="caption secondary">
              {actual
                ? `actual ${formatQuantity(actual.value, actual.unit)} after ${Math.round(record.horizonS)} s`
                : !act && alternative
                  ? `best option ${formatPrediction(alternative.value, alternative.deviation, alternative.unit)}`
                  : record.actual
                    ? ''
                    : `actual is taken after ${Math.round(record.horizonS)} s`}
            </div>
          </div>
        );
      })}
      <ScoreFigure act={act} stay={stay} other={other} />
      <MarginFigure record={record} />
    </section>
  );
}

function ScoreFigure({ act, stay, other }: { act: boolean; stay: Candidate | undefined; other: Candidate | undefined }) {
  const [first, second] = act ? [stay, other] : [other, stay];
  return (
    <div>
      <div className="caption muted">Score</div>
      <div className="row gap-6 figure">
        {first?.score != null ? (
          <>
            <span className="muted">{formatSigned(first.score)}</span>
            <Icon name="arrow" size={13} className="muted" />
          </>
        ) : null}
        <span className="strong">{formatSigned(second?.score)}</span>
      </div>
      <div className="caption secondary">
        {first?.score == null ? 'nothing to hold it against' : act ? 'staying against the change' : 'best change against staying'}
      </div>
    </div>
  );
}

function MarginFigure({ record }: { record: DecisionRecord }) {
  const { margin, neededMargin } = record;
  const possible = stayWasPossible(margin);
  const full = Math.max(Math.abs(margin ?? 0), neededMargin * 2, 1e-6) / 0.76;
  return (
    <div>
      <div className="row caption muted">
        <span>Margin over staying</span>
        <span className="spacer" />
        <span>needed {neededMargin.toFixed(2)}</span>
      </div>
      <div className="figure strong">{possible ? formatSigned(margin) : 'staying was not possible'}</div>
      {possible ? (
        <span className="meter accent margin-meter">
          <i style={{ width: `${(100 * Math.max(0, margin ?? 0)) / full}%` }} />
          <u style={{ left: `${(100 * neededMargin) / full}%` }} />
        </span>
      ) : null}
    </div>
  );
}
