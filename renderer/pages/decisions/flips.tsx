import { useMemo } from 'react';
import { type Flip, flips, rescore } from '../../../main/contract/explanation.ts';
import { Icon, State } from '../../parts/glyphs.tsx';
import type { DecisionRecord } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { stepOf } from './what-if.tsx';
import { formatPremise, wouldHave } from './words.ts';

/** People come whole: the nearest whole number beyond the edge, when it flips the choice too. */
export function wholeFlip(record: DecisionRecord, flip: Flip): Flip {
  const premise = record.premises.find((one) => one.id === flip.premise);
  if (!premise || stepOf(premise) !== 1) return flip;
  const to = flip.to < flip.from ? Math.floor(flip.to) : Math.ceil(flip.to);
  const { choice } = rescore(record, { [flip.premise]: to });
  return choice === record.choice ? flip : { ...flip, to, choice };
}

/** Of each premise alone, the nearest value that would have led to another choice. */
export function Flips({ record }: { record: DecisionRecord }) {
  const found = useMemo(() => flips(record).map((flip) => wholeFlip(record, flip)), [record]);
  const premises = new Map(record.premises.map((premise) => [premise.id, premise]));
  return (
    <section className="card" aria-label={texts.decisions.whatWouldHave} data-testid={testIds.flips}>
      <header>
        <h2>{texts.decisions.whatWouldHave}</h2>
        <span className="spacer" />
        <span className="caption muted">{texts.decisions.eachAloneNearest}</span>
      </header>
      {found.length === 0 ? (
        <p className="secondary inset-12">{texts.decisions.withinTheRanges}</p>
      ) : (
        <ol className="flip-list">
          {found.map((flip) => {
            const premise = premises.get(flip.premise) ?? { unit: flip.unit };
            return (
              <li key={flip.premise}>
                <div className="row">
                  <span className="secondary ellipsis">{flip.name}</span>
                  <span className="spacer" />
                  <span className="row gap-6 nowrap">
                    <span className="muted">{formatPremise(premise, flip.from)}</span>
                    <Icon name="arrow" size={12} className="muted" />
                    <span className="strong">{formatPremise(premise, flip.to)}</span>
                  </span>
                </div>
                <div className="row gap-6 label">
                  <State name={flip.choice === record.stay ? 'nonact' : 'act'} size={12} />
                  {wouldHave(record, flip.choice)}
                </div>
              </li>
            );
          })}
        </ol>
      )}
    </section>
  );
}
