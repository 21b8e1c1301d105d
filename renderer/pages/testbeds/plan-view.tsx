import { Button } from '../../parts/controls.tsx';
import { formatClock } from '../../parts/format.ts';
import { Icon, State, type StateName } from '../../parts/glyphs.tsx';
import { setUp } from '../../state/testbeds.ts';
import type { Plan, TestbedSummary } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

type StepState = Plan['steps'][number]['state'];
const glyphs: Record<StepState, StateName> = { change: 'info', 'in-place': 'same', later: 'wait' };
const words: Record<StepState, string> = {
  change: texts.testbeds.willChange,
  'in-place': texts.testbeds.inPlace,
  later: texts.testbeds.toldWhenEarlier,
};

export interface HostPlan {
  host: string;
  changes: number;
  inPlace: number;
  later: number;
  steps: Plan['steps'];
}

/** The plan by host, in the order the hosts first appear. */
export function planByHost(plan: Plan): HostPlan[] {
  const hosts = new Map<string, HostPlan>();
  for (const step of plan.steps) {
    const entry = hosts.get(step.host) ?? { host: step.host, changes: 0, inPlace: 0, later: 0, steps: [] };
    entry.steps.push(step);
    if (step.state === 'change') entry.changes++;
    else if (step.state === 'in-place') entry.inPlace++;
    else entry.later++;
    hosts.set(step.host, entry);
  }
  return [...hosts.values()];
}

export function planSentence(hosts: readonly HostPlan[]): string {
  const total = (pick: (host: HostPlan) => number) => hosts.reduce((sum, host) => sum + pick(host), 0);
  const changes = total((host) => host.changes);
  const later = total((host) => host.later);
  if (changes === 0 && later === 0) return texts.testbeds.everythingIs;
  const tail = later > 0 ? texts.testbeds.canOnlyBeTold(texts.counts.step(later)) : '';
  return texts.testbeds.onAlreadyIn(
    texts.counts.change(changes),
    texts.counts.host(hosts.length),
    total((host) => host.inPlace),
    tail,
  );
}

/** What would change and what is already so, before anything is touched. */
export function PlanView({ plan, testbed }: { plan: Plan; testbed: TestbedSummary }) {
  const hosts = planByHost(plan);
  const titles = new Map(plan.phases.map((phase) => [phase.id, phase.title]));
  return (
    <section className="card" aria-label={texts.testbeds.plan} data-testid={testIds.planTable}>
      <header className="tall">
        <h2>{texts.testbeds.plan}</h2>
        <span className="secondary">{planSentence(hosts)}</span>
        <span className="muted">{texts.testbeds.made(formatClock(plan.madeAt))}</span>
        <span className="spacer" />
        <Button kind="primary" icon="play" onClick={() => setUp(testbed.name)}>
          {texts.testbeds.makeTheseChanges}
        </Button>
      </header>
      {plan.warnings.map((warning) => (
        <div key={`${warning.host}-${warning.text}`} className="host-key">
          <div className="row">
            <State name="warn" size={16} />
            {warning.host ? <span className="label">{warning.host}</span> : null}
            <span>{warning.text}</span>
            <span className="secondary">{warning.remedy}</span>
          </div>
        </div>
      ))}
      <div className="plan-hosts">
        {hosts.map((host) => (
          <details key={host.host} className="plan-host">
            <summary>
              <Icon name="chevr" size={14} />
              <span className="label">{host.host}</span>
              <span className="spacer" />
              <span className="row gap-4 secondary">
                <State name="info" size={12} />
                {texts.counts.change(host.changes)}
              </span>
              <span className="row gap-4 secondary">
                <State name="same" size={12} />
                {texts.testbeds.inPlace2(host.inPlace)}
              </span>
              {host.later > 0 ? (
                <span className="row gap-4 muted">
                  <State name="wait" size={12} />
                  {texts.testbeds.later(host.later)}
                </span>
              ) : null}
            </summary>
            <table className="plan-steps">
              <tbody>
                {host.steps.map((step) => (
                  <tr key={`${step.phase}-${step.step}`}>
                    <td className="muted">{titles.get(step.phase) ?? step.phase}</td>
                    <td>{step.title}</td>
                    <td>
                      <span className="row gap-6 secondary">
                        <State name={glyphs[step.state]} size={12} />
                        {words[step.state]}
                      </span>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </details>
        ))}
      </div>
    </section>
  );
}
