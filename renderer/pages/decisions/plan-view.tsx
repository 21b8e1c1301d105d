import { Badge } from '../../parts/controls.tsx';
import { formatClock, formatDuration } from '../../parts/format.ts';
import { State, type StateName } from '../../parts/glyphs.tsx';
import { useTopology } from '../../state/moment.ts';
import { useNavigation } from '../../state/navigation.ts';
import type { DecisionRecord } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { componentState } from '../../topology/facts.ts';
import { select } from '../../topology/selection.ts';

const words = texts.decisions;

type Plan = NonNullable<DecisionRecord['plan']>;
const statuses: Record<Plan['status'], { glyph: StateName; word: string; kind: '' | 'ok' | 'bad' | 'accent' }> = {
  queued: { glyph: 'wait', word: words.queued, kind: '' },
  scheduled: { glyph: 'wait', word: words.scheduled, kind: '' },
  pending: { glyph: 'run', word: words.underWay, kind: 'accent' },
  completed: { glyph: 'ok', word: words.completed, kind: 'ok' },
  failed: { glyph: 'bad', word: words.failed, kind: 'bad' },
  discarded: { glyph: 'none', word: words.discarded, kind: '' },
};

/** What was done about it, step by step, and the pods of the component as they are at the moment that is shown. */
export function PlanView({ record }: { record: DecisionRecord }) {
  const topology = useTopology();
  const go = useNavigation((state) => state.go);
  const { plan, component, application } = record;
  if (!plan) return null;
  const { glyph, word, kind } = statuses[plan.status];
  const pods = (topology?.applications ?? [])
    .filter((status) => application === undefined || status.application === application)
    .flatMap((status) => status.components.map((one) => ({ ...one, application: status.application })))
    .filter((one) => component === undefined || one.name === component);
  return (
    <section className="card" aria-label={words.whatWasDone} data-testid={testIds.plan}>
      <header>
        <h2>{words.whatWasDone}</h2>
        <Badge kind={kind}>
          <State name={glyph} size={12} />
          {word}
        </Badge>
        <span className="spacer" />
        <span className="caption muted mono ellipsis" title={words.planPodsCarry(plan.id)}>
          {plan.id}
        </span>
      </header>
      <table>
        <thead>
          <tr>
            <th>{words.step}</th>
            <th>{words.at}</th>
            <th className="number">{words.took}</th>
          </tr>
        </thead>
        <tbody>
          {plan.steps.map((step) => (
            <tr key={`${step.at} ${step.title}`}>
              <td>
                <span className="row gap-6">
                  <State name={step.error ? 'bad' : step.durationMs === null ? 'run' : 'ok'} size={12} />
                  {step.title}
                </span>
                {step.error ? <div className="bad-text">{step.error}</div> : null}
              </td>
              <td className="secondary">{formatClock(step.at)}</td>
              <td className="number">{step.durationMs === null ? '–' : formatDuration(step.durationMs)}</td>
            </tr>
          ))}
          {plan.steps.length === 0 ? (
            <tr>
              <td colSpan={3} className="muted">
                {words.noStepWasTold}
              </td>
            </tr>
          ) : null}
        </tbody>
      </table>
      <ul className="plan-pods">
        {pods.map((pod) => (
          <li key={`${pod.application} ${pod.name} ${pod.pod ?? pod.node}`} className="row gap-6">
            <State name={componentState(pod).state} size={12} />
            <span className="mono ellipsis">{pod.pod ?? pod.name}</span>
            <span className="spacer" />
            {pod.node === null ? (
              <span className="muted">{componentState(pod).word.toLowerCase()}</span>
            ) : (
              <button
                type="button"
                className="link nowrap"
                onClick={() => {
                  select({ kind: 'component', application: pod.application, name: pod.name, node: pod.node ?? '' });
                  go('topology');
                }}
              >
                {pod.node}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
