import { type CSSProperties, useMemo, useState } from 'react';
import { rescore } from '../../../main/contract/explanation.ts';
import { formatPrediction, metricTitle } from '../../parts/format.ts';
import { State } from '../../parts/glyphs.tsx';
import type { DecisionRecord, Premise } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { candidateOf, formatMargin, formatPremise, lowerFirst, stayWasPossible, wouldHave } from './words.ts';

/** Whole things move in whole steps, everything else in hundredths of its range. */
export function stepOf(premise: Premise): number {
  const [low, high] = premise.range ?? [0, 1];
  const whole = premise.unit === '' || premise.unit === 'people';
  return whole && Number.isInteger(low) && Number.isInteger(high) && high - low > 1 ? 1 : (high - low) / 100;
}

/** Edit a premise, see the new choice at once: the record is re-scored here, without the policy. */
export function WhatIf({ record }: { record: DecisionRecord }) {
  const [tried, setTried] = useState<Record<string, number>>({});
  const adjustable = record.premises.filter((premise) => premise.range);
  const result = useMemo(() => rescore(record, tried), [record, tried]);
  const changed = Object.keys(tried).length > 0;
  const choice = result.candidates.find((candidate) => candidate.id === result.choice);
  const outcome = choice?.predicted[0];
  const isStay = result.choice === record.stay;
  return (
    <section className="card" aria-label={texts.decisions.whatIf} data-testid={testIds.whatIf}>
      <header>
        <h2>{texts.decisions.whatIf}</h2>
        <span className="spacer" />
        {changed ? (
          <button type="button" className="link caption" onClick={() => setTried({})}>
            {texts.decisions.resetToRecorded}
          </button>
        ) : null}
      </header>
      <div className="sliders">
        {adjustable.length === 0 ? <p className="secondary">{texts.decisions.thisDecisionRests}</p> : null}
        {adjustable.map((premise) => (
          <Slider
            key={premise.id}
            premise={premise}
            value={tried[premise.id] ?? premise.value}
            onChange={(value) =>
              setTried((before) => {
                const { [premise.id]: _, ...others } = before;
                return value === premise.value ? others : { ...others, [premise.id]: value };
              })
            }
          />
        ))}
        <span className="spacer" />
        <div className="well" aria-live="polite" data-testid={testIds.whatIfResult} data-choice={result.choice}>
          <div className="row gap-6 label">
            <State name={isStay ? 'nonact' : 'act'} size={12} />
            {changed
              ? wouldHave(record, result.choice)
              : texts.decisions.asRecorded(lowerFirst(candidateOf(record, record.choice)?.label ?? ''))}
          </div>
          <div className="caption secondary">
            {outcome
              ? `${metricTitle(outcome.metric)} ${formatPrediction(outcome.value, outcome.deviation, outcome.unit)}; `
              : ''}
            {!stayWasPossible(result.margin)
              ? texts.decisions.stayingIsNot
              : result.margin === null
                ? texts.decisions.noChangeIs
                : texts.decisions.theBestChange(
                    result.margin < 0 ? texts.decisions.loses : texts.decisions.wins,
                    formatMargin(Math.abs(result.margin)),
                    formatMargin(record.neededMargin),
                  )}
          </div>
        </div>
      </div>
    </section>
  );
}

function Slider({ premise, value, onChange }: { premise: Premise; value: number; onChange: (value: number) => void }) {
  const [low, high] = premise.range ?? [0, 1];
  const share = (at: number) => `${(100 * (Math.min(Math.max(at, low), high) - low)) / (high - low || 1)}%`;
  const step = stepOf(premise);
  // The recorded value need not lie on a step: it is kept until the slider is moved.
  const style: CSSProperties & Record<'--filled', string> = { '--filled': share(value) };
  return (
    <div>
      <div className="row slider-head">
        <span className="secondary ellipsis">{premise.name}</span>
        <span className="spacer" />
        <span className="label nowrap">
          {formatPremise(premise, value)}
          {value === premise.value ? null : (
            <span className="muted plain"> {texts.decisions.was(formatPremise(premise, premise.value))}</span>
          )}
        </span>
      </div>
      <div className="slider">
        <u style={{ left: `calc(8px + (100% - 16px) * ${Number.parseFloat(share(premise.value)) / 100})` }} />
        <input
          type="range"
          aria-label={premise.name}
          aria-valuetext={formatPremise(premise, value)}
          title={`${premise.source}`}
          min={low}
          max={high}
          step={step}
          value={value}
          style={style}
          onChange={(event) => onChange(Number(event.target.value))}
          onKeyDown={(event) => {
            const direction =
              event.key === 'ArrowLeft' || event.key === 'ArrowDown'
                ? -1
                : event.key === 'ArrowRight' || event.key === 'ArrowUp'
                  ? 1
                  : 0;
            if (!event.shiftKey || direction === 0) return;
            event.preventDefault();
            onChange(Math.min(high, Math.max(low, value + direction * 10 * step)));
          }}
        />
      </div>
    </div>
  );
}
