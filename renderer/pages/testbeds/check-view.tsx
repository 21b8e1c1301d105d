import { Icon, State, type StateName } from '../../parts/glyphs.tsx';
import type { Plan } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

type Check = NonNullable<Plan['checks']>[number];
type Way = NonNullable<Plan['reachability']>['ways'][number];

const glyphs: Record<Check['severity'], StateName> = { error: 'bad', warning: 'warn', ok: 'ok' };
const words: Record<Check['severity'], string> = {
  error: texts.testbeds.inTheWay,
  warning: texts.testbeds.toLookAt,
  ok: texts.testbeds.fine,
};
const order: Record<Check['severity'], number> = { error: 0, warning: 1, ok: 2 };

export interface HostChecks {
  host: string;
  worst: Check['severity'];
  /** What needs a person first. */
  checks: Check[];
}

/** Checks by host, in the order the hosts first appear. */
export function checksByHost(checks: readonly Check[]): HostChecks[] {
  const hosts = new Map<string, Check[]>();
  for (const check of checks) hosts.set(check.host, [...(hosts.get(check.host) ?? []), check]);
  return [...hosts].map(([host, own]) => {
    const sorted = own.toSorted((a, b) => order[a.severity] - order[b.severity]);
    return { host, worst: sorted[0]?.severity ?? 'ok', checks: sorted };
  });
}

export function checkSentence(hosts: readonly HostChecks[]): string {
  const of = (severity: Check['severity']) => hosts.filter(({ worst }) => worst === severity);
  const bad = of('error');
  if (bad.length > 0)
    return texts.testbeds.somethingIn(bad.map(({ host }) => host).join(', '), bad.length === 1 ? 'has' : 'have');
  const warned = of('warning');
  if (warned.length > 0) return texts.testbeds.everyHostIs(texts.counts.host(warned.length));
  return texts.testbeds.everyHostIsFit;
}

/** Of each pair of hosts, how many of the ways that the plan will use are open. */
export function reachMatrix(ways: readonly Way[]): { hosts: string[]; at(from: string, to: string): Way[] } {
  const hosts = [...new Set(ways.flatMap(({ from, to }) => [from, to]))];
  return { hosts, at: (from, to) => ways.filter((way) => way.from === from && way.to === to) };
}

/** Whether every host is fit for what is planned, and what to do where it is not. */
export function CheckView({ checks = [], reachability }: Pick<Plan, 'checks' | 'reachability'>) {
  const hosts = checksByHost(checks);
  return (
    <section className="card" aria-label={texts.testbeds.check} data-testid={testIds.checkTable}>
      <header className="tall">
        <h2>{texts.testbeds.check}</h2>
        <span className="secondary">{checkSentence(hosts)}</span>
        <span className="spacer" />
        <span className="muted">{texts.testbeds.nothingWas}</span>
      </header>
      <div className="plan-hosts">
        {hosts.map(({ host, worst, checks: own }) => (
          <details key={host} className="plan-host" open={worst === 'error'}>
            <summary>
              <Icon name="chevr" size={14} />
              <span className="label">{host}</span>
              <span className="spacer" />
              {(['error', 'warning', 'ok'] as const).map((severity) => {
                const found = own.filter((check) => check.severity === severity).length;
                return found === 0 ? null : (
                  <span key={severity} className="row gap-4 secondary">
                    <State name={glyphs[severity]} size={12} />
                    {found} {words[severity].toLowerCase()}
                  </span>
                );
              })}
            </summary>
            <table className="plan-steps checks">
              <tbody>
                {own.map((check) => (
                  <tr key={check.id}>
                    <td>
                      <span className="row gap-6">
                        <State name={glyphs[check.severity]} size={12} />
                        <span className="visually-hidden">{words[check.severity]}:</span>
                        <span className="mono muted">{check.id}</span>
                      </span>
                    </td>
                    <td>
                      {check.evidence}
                      {check.remedy && check.severity !== 'ok' ? <div className="secondary">{check.remedy}</div> : null}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </details>
        ))}
      </div>
      {reachability && reachability.ways.length > 0 ? <ReachTable ways={reachability.ways} /> : null}
    </section>
  );
}

function ReachTable({ ways }: { ways: readonly Way[] }) {
  const { hosts, at } = reachMatrix(ways);
  return (
    <table className="roomy reach">
      <caption className="secondary">{texts.testbeds.waysBetween}</caption>
      <thead>
        <tr>
          <th>{texts.testbeds.fromTo}</th>
          {hosts.map((host) => (
            <th key={host}>{host}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {hosts.map((from) => (
          <tr key={from}>
            <th scope="row">{from}</th>
            {hosts.map((to) => (
              <td key={to}>
                <Ways ways={at(from, to)} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Ways({ ways }: { ways: readonly Way[] }) {
  if (ways.length === 0) return <span className="muted">–</span>;
  const open = ways.filter(({ answer }) => answer === 'open').length;
  const told = ways.map(({ port, protocol, purpose, answer, detail }) => `${port}/${protocol} ${purpose}: ${detail ?? answer}`);
  return (
    <span className="row gap-6" title={told.join('\n')}>
      <State name={open === ways.length ? 'ok' : 'bad'} size={12} />
      {texts.testbeds.of(open, ways.length)}
    </span>
  );
}
