import { Badge } from '../../parts/controls.tsx';
import { formatNumber, formatPrediction, formatSigned, metricTitle } from '../../parts/format.ts';
import { Icon, State } from '../../parts/glyphs.tsx';
import { type Candidate, type DecisionRecord, isAct } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.decisions;

/** Chosen first, then feasible by score, then what a rule forbade. */
export function orderCandidates(candidates: readonly Candidate[], choice: string): Candidate[] {
  return [...candidates].sort((a, b) => {
    if (a.id === choice || b.id === choice) return a.id === choice ? -1 : 1;
    if (a.score === null || b.score === null) return a.score === b.score ? 0 : a.score === null ? 1 : -1;
    return b.score - a.score;
  });
}

const namesOf = (lists: readonly string[][]): string[] => [...new Set(lists.flat())];

/** All that was considered, with what each would lead to and how its score comes about; the rejected with their reasons. */
export function Candidates({ record }: { record: DecisionRecord }) {
  const { candidates, leftOut } = record;
  const omitted = (leftOut?.feasible ?? 0) + (leftOut?.rejected ?? 0);
  const metrics = namesOf(candidates.map((candidate) => candidate.predicted.map((outcome) => outcome.metric)));
  const terms = namesOf(candidates.map((candidate) => candidate.terms.map((term) => term.name)));
  const feasible = candidates.filter((candidate) => candidate.score !== null).length;
  return (
    <section className="card" aria-label={words.candidates} data-testid={testIds.decisionCandidates}>
      <header>
        <h2>{words.candidates}</h2>
        <span className="caption muted">
          {words.consideredFeasible(
            candidates.length + omitted,
            feasible + (leftOut?.feasible ?? 0),
            omitted > 0 ? words.theThatTell(candidates.length) : '',
          )}
        </span>
        <span className="spacer" />
        {terms.length > 0 ? <span className="caption muted">{words.score(terms.join(' + '))}</span> : null}
      </header>
      <div className="scrolls-sideways">
        <table className="tight">
          <thead>
            <tr>
              <th className="candidate-head">{words.candidate}</th>
              {metrics.map((metric) => (
                <th key={metric} className="number">
                  {metricTitle(metric)}
                </th>
              ))}
              {terms.map((term) => (
                <th key={term} className="number">
                  {term}
                </th>
              ))}
              <th className="number">{words.score2}</th>
            </tr>
          </thead>
          <tbody>
            {orderCandidates(candidates, record.choice).map((candidate) => (
              <CandidateRow key={candidate.id} candidate={candidate} record={record} metrics={metrics} terms={terms} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function CandidateRow({
  candidate,
  record,
  metrics,
  terms,
}: {
  candidate: Candidate;
  record: DecisionRecord;
  metrics: readonly string[];
  terms: readonly string[];
}) {
  if (candidate.rejected) {
    return (
      <tr>
        <td className="muted">
          <span className="candidate-name">
            <Icon name="x" size={13} />
            {candidate.label}
          </span>
        </td>
        <td colSpan={metrics.length + terms.length + 1} className="muted reason" title={candidate.rejected.rule}>
          <span className="row gap-6">
            <Badge>{words.rejected}</Badge>
            <span>{candidate.rejected.reason}</span>
          </span>
        </td>
      </tr>
    );
  }
  const chosen = candidate.id === record.choice;
  return (
    <tr className={chosen ? 'chosen' : ''} aria-current={chosen ? 'true' : undefined}>
      <td>
        <span className="candidate-name">
          {chosen ? <State name={isAct(record) ? 'act' : 'nonact'} size={13} /> : <i />}
          <span className={chosen ? 'strong' : ''}>{candidate.label}</span>
          {chosen ? <span className="caption label accent-text">{words.chosen}</span> : null}
        </span>
      </td>
      {metrics.map((metric) => {
        const outcome = candidate.predicted.find((one) => one.metric === metric);
        return (
          <td key={metric} className="number secondary">
            {outcome ? formatPrediction(outcome.value, outcome.deviation, outcome.unit) : '–'}
          </td>
        );
      })}
      {terms.map((term) => (
        <td key={term} className="number secondary">
          {formatNumber(candidate.terms.find((one) => one.name === term)?.value ?? null, 2)}
        </td>
      ))}
      <td className="number strong">{formatSigned(candidate.score)}</td>
    </tr>
  );
}
