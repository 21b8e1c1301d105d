import { useMemo } from 'react';
import { formatClock } from '../../parts/format.ts';
import { Icon, State } from '../../parts/glyphs.tsx';
import { useTime } from '../../state/time.ts';
import { type DecisionRecord, isAct } from '../../state/types.ts';
import { useWorld } from '../../state/world.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { similarDecisions } from './similar.ts';
import { formatPremise } from './words.ts';

/** What was decided about the same component under similar premises, and in what they differed most. */
export function SimilarDecisions({ record }: { record: DecisionRecord }) {
  const decisions = useWorld((state) => state.decisions);
  const select = useTime((state) => state.select);
  const found = useMemo(() => similarDecisions(record, decisions), [record, decisions]);
  return (
    <section className="card" aria-label={texts.decisions.similarDecisions} data-testid={testIds.similar}>
      <header>
        <h2>{texts.decisions.similarDecisions}</h2>
        <span className="spacer" />
        <span className="caption muted">{texts.decisions.mostAlikeFirst}</span>
      </header>
      {found.length === 0 ? (
        <p className="secondary inset-12">{texts.decisions.noOtherDecision}</p>
      ) : (
        <ol className="similar-list">
          {found.map(({ record: other, most }) => (
            <li key={other.id}>
              <button type="button" onClick={() => select(other)}>
                <State name={isAct(other) ? 'act' : 'nonact'} size={12} />
                <span className="label ellipsis">{other.title}</span>
                <span className="caption muted nowrap">{formatClock(other.time)}</span>
                <span className="caption secondary difference ellipsis">
                  {most ? (
                    <>
                      {most.premise.name} {formatPremise(most.premise, most.other)}
                      <Icon name="arrow" size={11} className="muted flip" />
                      {texts.decisions.here(formatPremise(most.premise, most.premise.value))}
                    </>
                  ) : (
                    texts.decisions.samePremises
                  )}
                </span>
              </button>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
