import { Badge } from '../../parts/controls.tsx';
import { formatQuantity } from '../../parts/format.ts';
import { State, type StateName } from '../../parts/glyphs.tsx';
import { meets, newestReading } from '../../state/headline.ts';
import { useNavigation } from '../../state/navigation.ts';
import type { ApplicationStatus, ComponentStatus, Topology } from '../../state/types.ts';
import { texts } from '../../texts/texts.ts';
import { select } from '../../topology/selection.ts';

const words = texts.applications;

export const stateWords: Record<
  ApplicationStatus['state'],
  { word: string; glyph: StateName; kind: 'ok' | 'info' | 'bad' | '' }
> = {
  deployed: { word: words.deployed, glyph: 'ok', kind: 'ok' },
  deploying: { word: words.beingDeployed, glyph: 'run', kind: 'info' },
  degraded: { word: words.degraded, glyph: 'bad', kind: 'bad' },
  removing: { word: words.beingRemoved, glyph: 'run', kind: 'info' },
  removed: { word: words.removed, glyph: 'none', kind: '' },
};

const componentGlyphs: Record<ComponentStatus['state'], StateName> = {
  pending: 'wait',
  starting: 'run',
  running: 'ok',
  leaving: 'held',
  failed: 'bad',
};

/** Components by what their pods say, and targets against the newest reading. */
export function ApplicationStatusCard({ status, topology }: { status: ApplicationStatus; topology: Topology | null }) {
  const go = useNavigation((state) => state.go);
  const { word, kind } = stateWords[status.state];
  return (
    <section className="card" aria-label={words.stateOf(status.application)}>
      <header className="tall">
        <h2>{status.application}</h2>
        <Badge kind={kind}>{word}</Badge>
        <span className="muted">{words.on(status.cluster)}</span>
        <span className="spacer" />
        {status.targets.map((target) => (
          <Target key={target.metric} target={target} topology={topology} />
        ))}
      </header>
      <table className="roomy">
        <thead>
          <tr>
            <th>{words.component}</th>
            <th>{words.state}</th>
            <th>{words.node}</th>
            <th>{words.pod}</th>
            <th>{words.sendsTo}</th>
          </tr>
        </thead>
        <tbody>
          {status.components.map((component) => (
            <tr key={component.name}>
              <td className="label">{component.name}</td>
              <td>
                <span className="row gap-6">
                  <State name={componentGlyphs[component.state]} size={12} />
                  {component.state}
                  {component.reason ? <span className="secondary">{component.reason}</span> : null}
                </span>
              </td>
              <td>
                {component.node ? (
                  <button
                    type="button"
                    className="link"
                    onClick={() => {
                      select({ kind: 'node', name: component.node ?? '' });
                      go('topology');
                    }}
                  >
                    {component.node}
                  </button>
                ) : (
                  <span className="muted">{words.notPlaced}</span>
                )}
              </td>
              <td className="mono muted">{component.pod ?? '–'}</td>
              <td className="secondary">{component.sendsTo.join(', ') || '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Target({ target, topology }: { target: ApplicationStatus['targets'][number]; topology: Topology | null }) {
  const reading = topology ? newestReading(topology, target.metric) : null;
  const met = reading ? meets(reading.value, target.relation, target.target) : null;
  return (
    <span className="row gap-6 secondary">
      <State name={met === null ? 'wait' : met ? 'ok' : 'bad'} size={12} />
      <span className="mono">{target.metric}</span>
      {reading ? formatQuantity(reading.value, target.unit) : words.noReadingYet}
      <span className="muted">
        {target.relation.replaceAll('_', ' ')} {formatQuantity(target.target, target.unit)}
      </span>
    </span>
  );
}
