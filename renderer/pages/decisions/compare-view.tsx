import { type ReactNode, useMemo, useState } from 'react';
import { Select } from '../../parts/controls.tsx';
import { formatClock, formatDuration, formatNumber, formatQuantity, formatSigned, metricTitle } from '../../parts/format.ts';
import { useShownTime } from '../../state/moment.ts';
import type { DecisionRecord } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { type PolicyRecord, policyKey, recordOf } from './compare-policies.ts';

/** Two policies, or two versions of one, over what the time line shows: what they did, and what came of it. */
export function CompareView({ decisions }: { decisions: readonly DecisionRecord[] }) {
  const { from, to } = useShownTime();
  const keys = useMemo(() => [...new Set(decisions.map(policyKey))].sort(), [decisions]);
  const [first, setFirst] = useState('');
  const [second, setSecond] = useState('');
  const a = keys.includes(first) ? first : (keys[0] ?? '');
  const b = keys.includes(second) ? second : (keys.find((key) => key !== a) ?? a);
  const [one, other] = [recordOf(decisions, a, from, to), recordOf(decisions, b, from, to)];
  const metrics = [...new Set([...one.outcomes.keys(), ...other.outcomes.keys()])].sort();
  const options = keys.map((key) => ({ value: key, label: key }));
  const row = (title: string, of: (record: PolicyRecord) => ReactNode, note?: string) => (
    <tr>
      <td>
        {title}
        {note ? <span className="caption muted compare-note">{note}</span> : null}
      </td>
      <td className="number">{of(one)}</td>
      <td className="number">{of(other)}</td>
    </tr>
  );
  const outcome = (record: PolicyRecord, metric: string, what: 'mean' | 'error') => {
    const known = record.outcomes.get(metric);
    const value = known?.[what] ?? null;
    return known && value !== null ? formatQuantity(value, known.unit) : '–';
  };
  return (
    <article className="decision" data-testid={testIds.compare}>
      <div>
        <p className="caption muted">
          {formatClock(from)} to {formatClock(to)}, {formatDuration(to - from)}, as the time line shows it
        </p>
        <h1 className="sentence">{sentenceOf(a, one, b, other)}</h1>
      </div>
      <section className="card" aria-label="Two policies side by side">
        <table className="roomy compare-table">
          <thead>
            <tr>
              <th>Of what they decided</th>
              <th className="number">
                <Select label="First policy" value={a} options={options} onChange={setFirst} />
              </th>
              <th className="number">
                <Select label="Second policy" value={b} options={options} onChange={setSecond} />
              </th>
            </tr>
          </thead>
          <tbody>
            {row('Decisions', ({ decisions: all }) => all)}
            {row('Acts', ({ acts }) => acts)}
            {row('Non-acts', ({ nonActs }) => nonActs)}
            {row('Explored on purpose', ({ explored }) => explored)}
            {row('Plans that failed', ({ plansFailed, plansEnded }) => `${plansFailed} of ${plansEnded}`)}
            {row('Margin over staying, mean', ({ meanMargin }) => formatSigned(meanMargin))}
            {row(
              'Regret, mean',
              ({ meanRegret }) => formatNumber(meanRegret, 2),
              'how much better another choice would have been',
            )}
            {row('Regretted', ({ regretted, judged }) => `${regretted} of ${judged}`)}
            {metrics.map((metric) => [
              <tr key={metric}>
                <td>{metricTitle(metric)} afterwards, mean</td>
                <td className="number">{outcome(one, metric, 'mean')}</td>
                <td className="number">{outcome(other, metric, 'mean')}</td>
              </tr>,
              <tr key={`${metric} error`}>
                <td>{metricTitle(metric)}, off the prediction by</td>
                <td className="number">{outcome(one, metric, 'error')}</td>
                <td className="number">{outcome(other, metric, 'error')}</td>
              </tr>,
            ])}
          </tbody>
        </table>
      </section>
      <p className="caption muted">
        They decided about what they met, not about the same things: a difference may lie in the load as well as in the policy.
      </p>
    </article>
  );
}

function sentenceOf(a: string, one: PolicyRecord, b: string, other: PolicyRecord): string {
  if (a === b) return 'Only one policy has decided so far: there is nothing to hold it against.';
  const share = ({ acts, decisions }: PolicyRecord) => (decisions === 0 ? 0 : Math.round((100 * acts) / decisions));
  return `${a} acted in ${share(one)} % of ${one.decisions} decisions, ${b} in ${share(other)} % of ${other.decisions}.`;
}
