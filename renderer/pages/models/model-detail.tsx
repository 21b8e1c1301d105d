import { useMemo, useState } from 'react';
import { Badge, Button } from '../../parts/controls.tsx';
import { formatClock, formatNumber, formatPrediction, formatQuantity, unknown } from '../../parts/format.ts';
import { LayerShape, State } from '../../parts/glyphs.tsx';
import { askForPolicy } from '../../state/agent-choice.ts';
import { useNavigation } from '../../state/navigation.ts';
import { useTime } from '../../state/time.ts';
import { type DecisionRecord, isAct } from '../../state/types.ts';
import { useWorld } from '../../state/world.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import {
  actualOf,
  comparedWith,
  decisionsBy,
  expectedOf,
  judged,
  type ModelRow,
  modelStates,
  modelTitle,
} from './model-facts.ts';
import { PredictedActual } from './predicted-actual.tsx';

const words = texts.models;
const mostShown = 50;

/** One model: what it predicts and how, where, how well, and the decisions that rested on it. */
export function ModelDetail({ model, agent }: { model: ModelRow; agent: string }) {
  const decisions = useWorld((state) => state.decisions);
  const used = useMemo(() => decisionsBy(model, agent, decisions), [model, agent, decisions]);
  const compared = useMemo(() => comparedWith(model, used), [model, used]);
  const [pointed, setPointed] = useState<string | null>(null);
  const found = judged(compared);
  return (
    <>
      <Head model={model} agent={agent} />
      {model.places.length > 0 ? <Places model={model} /> : null}
      {model.origin === 'policy' ? (
        <div className="model-evidence">
          <section className="card" aria-label={words.outcomes} data-testid={testIds.modelOutcomes}>
            <header className="tall">
              <h2>{words.outcomes}</h2>
              <span className="muted">{words.outcomesHint}</span>
            </header>
            {found ? (
              <>
                <p className="inset secondary">
                  {words.outcomesSentence({
                    count: compared.length,
                    off: formatQuantity(found.off, compared[0]?.unit ?? ''),
                    within: found.within,
                  })}
                </p>
                <PredictedActual compared={compared} pointed={pointed} />
              </>
            ) : (
              <p className="inset secondary">{model.predicts ? words.noOutcomes : words.notCompared}</p>
            )}
          </section>
          <section className="card" aria-label={words.decisions} data-testid={testIds.modelDecisions}>
            <header className="tall">
              <h2>{words.decisions}</h2>
              <span className="muted">
                {used.length > 0 ? words.decisionsLoaded(Math.min(mostShown, used.length), used.length) : ''}
              </span>
            </header>
            {used.length === 0 ? (
              <p className="inset secondary">{words.noDecisions}</p>
            ) : (
              <ol className="model-decisions">
                {used.slice(0, mostShown).map((record) => (
                  <li key={record.id}>
                    <DecisionLine record={record} model={model} onPoint={setPointed} />
                  </li>
                ))}
              </ol>
            )}
          </section>
        </div>
      ) : null}
    </>
  );
}

function Head({ model, agent }: { model: ModelRow; agent: string }) {
  const go = useNavigation((state) => state.go);
  const { glyph, kind } = modelStates[model.state];
  const { policy } = model;
  const openPolicy = () => {
    askForPolicy(agent, policy);
    go('policies');
  };
  return (
    <section className="card" aria-label={modelTitle(model)}>
      <header className="tall">
        <h2>{modelTitle(model)}</h2>
        <Badge kind={kind}>
          <State name={glyph} size={12} />
          {words.stateWord(model.state)}
        </Badge>
        <span className="spacer" />
        {model.state === 'unused' ? <Button onClick={openPolicy}>{words.changeMode}</Button> : null}
      </header>
      <p className="body inset">{words.meaning(model.state, model)}</p>
      <dl className="model-facts">
        <div>
          <dt>{words.predicts}</dt>
          <dd className={model.predicts ? 'mono' : ''}>{model.predicts?.metric ?? model.name}</dd>
        </div>
        <div>
          <dt>{words.kind}</dt>
          <dd>{model.kind}</dd>
        </div>
        {policy !== null ? (
          <>
            <div>
              <dt>{words.madeBy}</dt>
              <dd>
                <button type="button" className="link" title={words.openPolicy(policy)} onClick={openPolicy}>
                  {policy}
                </button>
                , {words.version(model.version)}
              </dd>
            </div>
            <div>
              <dt>{words.seen}</dt>
              <dd>{words.samples(model.places.reduce((sum, { samples }) => sum + samples, 0))}</dd>
            </div>
          </>
        ) : (
          <div>
            <dt>{words.registeredAt}</dt>
            <dd>{model.version.slice(0, 16).replace('T', ' ')}</dd>
          </div>
        )}
        {model.endpoint !== null ? (
          <div>
            <dt>{words.servedAt}</dt>
            <dd className="mono ellipsis">{model.endpoint}</dd>
          </div>
        ) : null}
      </dl>
    </section>
  );
}

/** "22.1 ms each"; of a forest's splits a share. */
const formatWeight = ({ value, unit }: { value: number; unit: string }): string =>
  unit === 'of its splits' ? `${formatNumber(100 * value, 0)} % ${unit}` : `${formatNumber(value)} ${unit}`.trim();

function Places({ model }: { model: ModelRow }) {
  // Learners of one model may look at the same features: one column each, in the order they come.
  const features = [...new Set(model.places.flatMap(({ weights }) => weights.map(({ feature }) => feature)))];
  return (
    <section className="card" aria-label={words.where} data-testid={testIds.modelPlaces}>
      <header className="tall">
        <h2>{words.where}</h2>
        <span className="muted ellipsis">{words.placesHint}</span>
      </header>
      <div className="scrolls-sideways">
        <table className="roomy model-places">
          <thead>
            <tr>
              <th>{words.node}</th>
              <th>{words.by}</th>
              <th className="number">{words.sampleCount}</th>
              <th className="number" title={words.offByHint}>
                {words.offBy}
              </th>
              {features.map((feature) => (
                <th key={feature} className="number">
                  {feature}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {model.places.map((place) => (
              <tr key={place.node}>
                <td>
                  <span className="row gap-6">
                    <LayerShape name="node" size={11} />
                    <span className="label">{place.node}</span>
                  </span>
                </td>
                <td className="model-why">
                  <span className="label">{place.by}</span>
                  {place.why ? <span className="caption secondary">{place.why}</span> : null}
                </td>
                <td className="number">{formatNumber(place.samples)}</td>
                <td className="number">{place.meanError === null ? unknown : formatQuantity(place.meanError, model.unit)}</td>
                {features.map((feature) => {
                  const weight = place.weights.find((one) => one.feature === feature);
                  return (
                    <td key={feature} className="number secondary">
                      {weight ? formatWeight(weight) : unknown}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function DecisionLine({
  record,
  model,
  onPoint,
}: {
  record: DecisionRecord;
  model: ModelRow;
  onPoint: (id: string | null) => void;
}) {
  const go = useNavigation((state) => state.go);
  const expected = expectedOf(record, model);
  const actual = actualOf(record, model);
  const point = () => onPoint(record.id);
  const leave = () => onPoint(null);
  return (
    <button
      type="button"
      onMouseEnter={point}
      onMouseLeave={leave}
      onFocus={point}
      onBlur={leave}
      onClick={() => {
        useTime.getState().select(record);
        go('decisions');
      }}
    >
      <State name={isAct(record) ? 'act' : 'nonact'} size={12} />
      <span className="label ellipsis">{record.title}</span>
      <span className="caption muted nowrap">{formatClock(record.time)}</span>
      <span className="caption secondary ellipsis difference">
        {expected ? words.expected(formatPrediction(expected.value, expected.deviation, expected.unit)) : ''}
        {expected ? ' · ' : ''}
        {actual ? words.came(formatQuantity(actual.value, actual.unit)) : expected ? words.waiting : ''}
      </span>
    </button>
  );
}
