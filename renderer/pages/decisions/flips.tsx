import { useMemo } from 'react';
import { type Flip, flips, rescore } from '../../../main/contract/explanation.ts';
import { Icon, State } from '../../parts/glyphs.tsx';
import type { DecisionRecord } from '../../state/types.ts';
import { stepOf } from './what-if.tsx';
import { candidateOf, formatPremise, lowerFirst } from './words.ts';

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
    <section className="card" aria-label="Smallest change that flips it">
      <header>
        <h2>Smallest change that flips it</h2>
      </header>
      {found.length === 0 ? (
        <p className="secondary inset-12">
          Within the ranges that may be tried, no single premise would have changed the choice.
        </p>
      ) : (
        <ol className="flip-list">
          {found.map((flip) => {
            const premise = premises.get(flip.premise) ?? { unit: flip.unit };
            return (
              <li key={flip.premise}>
                <div>
                  <div className="secondary">{flip.name}</div>
                  <div className="row gap-6">
                    <span className="muted">{formatPremise(premise, flip.from)}</span>
                    <Icon name="arrow" size={12} className="muted" />
                    <span className="strong">{formatPremise(premise, flip.to)}</span>
                  </div>
                </div>
                <span className="spacer" />
                <span className="row gap-6 caption secondary flip-choice">
                  <State name={flip.choice === record.stay ? 'nonact' : 'act'} size={12} />
                  {lowerFirst(candidateOf(record, flip.choice)?.label ?? flip.choice)}
                </span>
              </li>
            );
          })}
        </ol>
      )}
    </section>
  );
}
