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
import { texts } from '../../texts/texts.ts';
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
  const place = layer === 'node' ? (node ?? cluster) : layer === 'cluster' ? cluster : texts.decisions.theContinuum;
  return (
    <div>
      <div className="row gap-6 caption muted origin">
        <State name={act ? 'act' : 'nonact'} size={12} />
        <span>{act ? texts.decisions.act : texts.decisions.nonAct}</span>
        <span>·</span>
        <span>
          {formatClock(record.time)}, {formatAge(now - record.time)}
        </span>
        <span>·</span>
        <LayerShape name={layer} size={10} />
        <span>{texts.decisions.agentOf(layer, place)}</span>
        <span>·</span>
        <button
          type="button"
          className="link caption"
          title={texts.decisions.itsSourceAnd}
          onClick={() => {
            askForPolicy(record.agent.id, record.policy.name);
            go('policies');
          }}
        >
          {texts.decisions.policy(record.policy.name, record.policy.version)}
        </button>
        <span>·</span>
        <span title={record.exploration ? texts.decisions.chosenToLearn : texts.decisions.theChoiceThat}>
          {record.exploration ? texts.decisions.exploredOnPurpose : texts.decisions.noExploration}
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
    <section className="card cells figures" aria-label={texts.decisions.figures}>
      {(subject?.predicted ?? []).slice(0, 3).map((outcome) => {
        const before = stay?.predicted.find((one) => one.metric === outcome.metric);
        const alternative = other?.predicted.find((one) => one.metric === outcome.metric);
        const actual = record.actual?.outcomes.find((one) => one.metric === outcome.metric);
        const goal = target && target.unit === outcome.unit ? target : undefined;
        const met = goal ? outcome.value <= goal.value : null;
        return (
          <div key={outcome.metric}>
            <div className="caption muted">{texts.decisions.expected(metricTitle(outcome.metric))}</div>
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
                  {texts.decisions.target(formatQuantity(goal.value, goal.unit))}
                </Badge>
              ) : null}
            </div>
            <div className="caption secondary">
              {actual
                ? texts.decisions.actualAfter(formatQuantity(actual.value, actual.unit), Math.round(record.horizonS))
                : !act && alternative
                  ? texts.decisions.bestOption(formatPrediction(alternative.value, alternative.deviation, alternative.unit))
                  : record.actual
                    ? ''
                    : texts.decisions.actualIsTaken(Math.round(record.horizonS))}
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
      <div className="caption muted">{texts.decisions.score2}</div>
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
        {first?.score == null ? texts.decisions.nothingToHold : act ? texts.decisions.stayingAgainst : texts.decisions.bestChange}
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
        <span>{texts.decisions.marginOverStaying}</span>
        <span className="spacer" />
        <span>{texts.decisions.needed(neededMargin.toFixed(2))}</span>
      </div>
      <div className="figure strong">{possible ? formatSigned(margin) : texts.decisions.stayingWas}</div>
      {possible ? (
        <span className="meter accent margin-meter">
          <i style={{ width: `${(100 * Math.max(0, margin ?? 0)) / full}%` }} />
          <u style={{ left: `${(100 * neededMargin) / full}%` }} />
        </span>
      ) : null}
    </div>
  );
}
