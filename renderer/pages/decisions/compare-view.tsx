import { type ReactNode, useMemo, useState } from 'react';
import { Select } from '../../parts/controls.tsx';
import { formatClock, formatDuration, formatNumber, formatQuantity, formatSigned, metricTitle } from '../../parts/format.ts';
import { useShownTime } from '../../state/moment.ts';
import type { DecisionRecord } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { type PolicyRecord, policyKey, recordOf } from './compare-policies.ts';

const words = texts.decisions;

/** Two policies, or two versions of one, over what the time line shows: what they did, and what came of it. */
export function CompareView({ decisions }: { decisions: readonly DecisionRecord[] }) {
  const { from, to } = useShownTime(400);
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
        <p className="caption muted">{words.toAsTheTime(formatClock(from), formatClock(to), formatDuration(to - from))}</p>
        <h1 className="sentence">{sentenceOf(a, one, b, other)}</h1>
      </div>
      <section className="card" aria-label={words.twoPolicies}>
        <table className="roomy compare-table">
          <thead>
            <tr>
              <th>{words.ofWhatThey}</th>
              <th className="number">
                <Select label={words.firstPolicy} value={a} options={options} onChange={setFirst} />
              </th>
              <th className="number">
                <Select label={words.secondPolicy} value={b} options={options} onChange={setSecond} />
              </th>
            </tr>
          </thead>
          <tbody>
            {row(words.decisions, ({ decisions: all }) => all)}
            {row(words.acts, ({ acts }) => acts)}
            {row(words.nonActs, ({ nonActs }) => nonActs)}
            {row(words.exploredOn, ({ explored }) => explored)}
            {row(words.plansThatFailed, ({ plansFailed, plansEnded }) => `${plansFailed} of ${plansEnded}`)}
            {row(words.marginOver, ({ meanMargin }) => formatSigned(meanMargin))}
            {row(words.regretMean, ({ meanRegret }) => formatNumber(meanRegret, 2), words.howMuchBetter)}
            {row(words.regretted, ({ regretted, judged }) => `${regretted} of ${judged}`)}
            {metrics.map((metric) => [
              <tr key={metric}>
                <td>{words.afterwardsMean(metricTitle(metric))}</td>
                <td className="number">{outcome(one, metric, 'mean')}</td>
                <td className="number">{outcome(other, metric, 'mean')}</td>
              </tr>,
              <tr key={`${metric} error`}>
                <td>{words.offThePrediction(metricTitle(metric))}</td>
                <td className="number">{outcome(one, metric, 'error')}</td>
                <td className="number">{outcome(other, metric, 'error')}</td>
              </tr>,
            ])}
          </tbody>
        </table>
      </section>
      <p className="caption muted">{words.theyDecided}</p>
    </article>
  );
}

function sentenceOf(a: string, one: PolicyRecord, b: string, other: PolicyRecord): string {
  if (a === b) return words.onlyOnePolicy;
  const share = ({ acts, decisions }: PolicyRecord) => (decisions === 0 ? 0 : Math.round((100 * acts) / decisions));
  return words.actedInOfDecisions(a, share(one), one.decisions, b, share(other), other.decisions);
}
