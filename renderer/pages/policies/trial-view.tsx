import { useEffect, useRef } from 'react';
import { Badge } from '../../parts/controls.tsx';
import { formatSigned } from '../../parts/format.ts';
import { State } from '../../parts/glyphs.tsx';
import { type DecisionRecord, isAct } from '../../state/types.ts';
import { useWorld } from '../../state/world.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { stayWasPossible } from '../decisions/words.ts';
import { currentAnswer, type PolicyTrial } from './policy-words.ts';

/** What was tried beside what decides now, thing by thing. Nothing of it was carried out. */
export function TrialView({ trial, agent }: { trial: PolicyTrial; agent: string }) {
  const decisions = useWorld((state) => state.decisions);
  const different = trial.decisions.filter((record) => {
    const now = currentAnswer(decisions, record, agent);
    return now !== null && now.title !== record.title;
  }).length;
  const sentence =
    trial.decisions.length === 0
      ? trial.triggers.length === 0
        ? texts.policies.itFindsNothing
        : texts.policies.itSeesToLook(texts.counts.reason(trial.triggers.length))
      : texts.policies.itDecidesOf(trial.decisions.length, different);
  const card = useRef<HTMLElement>(null);
  // The form above may fill the page: what was asked for is shown.
  // biome-ignore lint/correctness/useExhaustiveDependencies: each trial is another answer
  useEffect(() => {
    card.current?.scrollIntoView({ block: 'nearest' });
  }, [trial]);
  return (
    <section ref={card} className="card" aria-label={texts.policies.triedOnThe} data-testid={testIds.policyTrial}>
      <header className="tall">
        <h2>{texts.policies.triedOnThe}</h2>
        <span className="muted">{texts.policies.nothingWas}</span>
      </header>
      <p className="body inset">{sentence}</p>
      {trial.note ? <p className="secondary inset">{trial.note}</p> : null}
      {trial.decisions.length > 0 ? (
        <table className="roomy wraps">
          <thead>
            <tr>
              <th>{texts.policies.about}</th>
              <th>{texts.policies.whatWasTried}</th>
              <th>{texts.policies.whatWasDecided}</th>
            </tr>
          </thead>
          <tbody>
            {trial.decisions.map((record) => (
              <tr key={record.id}>
                <td className="label">{record.component ?? record.application ?? record.agent.node ?? record.agent.cluster}</td>
                <td>
                  <Answer record={record} />
                </td>
                <td>
                  <Answer record={currentAnswer(decisions, record, agent)} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {trial.log.length > 0 ? <pre className="output trial-log">{trial.log.join('\n')}</pre> : null}
    </section>
  );
}

function Answer({ record }: { record: DecisionRecord | null }) {
  if (!record) return <span className="muted">{texts.policies.nothingSoFar}</span>;
  return (
    <div className="trial-answer">
      <span className="row gap-6">
        <State name={isAct(record) ? 'act' : 'nonact'} size={12} />
        <span className="label">{record.title}</span>
        <Badge>{record.policy.name}</Badge>
        {stayWasPossible(record.margin) ? (
          <span className="muted">{texts.policies.margin(formatSigned(record.margin))}</span>
        ) : null}
      </span>
      <span className="secondary">{record.sentence}</span>
    </div>
  );
}
