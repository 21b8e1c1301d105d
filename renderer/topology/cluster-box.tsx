import { Sparkline } from '../charts/sparkline.tsx';
import { formatAge, formatQuantity, metricTitle, metricUnit, unknown } from '../parts/format.ts';
import { LayerShape, State } from '../parts/glyphs.tsx';
import { mergeByTime } from '../shell/merge-by-time.ts';
import { headlineOf } from '../state/headline.ts';
import { useBeforeCursor, useHeartbeatAge } from '../state/moment.ts';
import { useSeries } from '../state/telemetry.ts';
import type { Topology } from '../state/types.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';
import { agentsOf, leadershipOf, meanCpu, totalPower } from './facts.ts';
import type { Box, ClusterBox } from './layout.ts';
import { isSelected, type Selection, select, useSelection } from './selection.ts';

const words = texts.topology;

const place = ({ x, y, width, height }: Box) => ({ left: x, top: y, width, height });
const sparkRangeMs = 15 * 60_000;

export function Figure({ title, value }: { title: string; value: string }) {
  return (
    <div>
      <div className="caption muted nowrap">{title}</div>
      <div className="body label nowrap">{value}</div>
    </div>
  );
}

export function ContinuumBoxView({ box, topology }: { box: Box; topology: Topology }) {
  const selection = useSelection((state) => state.selection);
  const self: Selection = { kind: 'continuum' };
  const joined = topology.clusters.filter((cluster) => cluster.role === 'member' && cluster.joined).length;
  const agent = agentsOf(topology, 'continuum')[0];
  const power = totalPower(topology, topology.nodes);
  const age = useHeartbeatAge(topology, agent?.lastHeartbeat ?? null);
  return (
    <div className={`box continuum-box ${isSelected(selection, self) ? 'selected' : ''}`} style={place(box)}>
      <div>
        <div className="row gap-6 body strong">
          <LayerShape name="continuum" />
          <span className="ellipsis">{topology.continuum.name}</span>
        </div>
        <div className="caption muted under ellipsis">
          {words.joined(
            topology.continuum.karmada ? words.karmada(topology.continuum.karmada.replace(/^v/, '')) : words.karmadaNot,
            texts.counts.member(joined),
          )}
        </div>
      </div>
      <Figure title={words.power} value={formatQuantity(power, 'W')} />
      <Figure title={words.heartbeat} value={age === null ? unknown : formatAge(age)} />
      <button
        type="button"
        className="box-hit"
        data-testid={testIds.continuum}
        aria-label={words.continuum(topology.continuum.name)}
        onClick={() => select(self)}
      />
    </div>
  );
}

export function ClusterBoxView({ box, topology }: { box: ClusterBox; topology: Topology }) {
  const selection = useSelection((state) => state.selection);
  const { cluster } = box;
  const self: Selection = { kind: 'cluster', name: cluster.name };
  const nodes = topology.nodes.filter((node) => node.cluster === cluster.name);
  const small = box.width < 420;
  const headline = headlineOf(topology);
  const shownHeadline = headline && headline.cluster === cluster.name ? headline : null;
  const version = cluster.kubernetes ? words.kubernetes(cluster.kubernetes.replace(/^v/, '')) : null;
  return (
    <div
      className={`box cluster-box ${small ? 'small' : ''} ${isSelected(selection, self) ? 'selected' : ''}`}
      style={place(box)}
    >
      <div>
        <div className="row gap-6 body strong">
          <LayerShape name="cluster" />
          <span className="ellipsis">{cluster.name}</span>
          {small ? <span className="spacer" /> : null}
          <span className="row gap-4 caption secondary plain cluster-state">
            <State name={cluster.joined ? 'ok' : 'wait'} size={12} />
            {cluster.joined ? words.joined2 : words.notJoinedYet}
          </span>
        </div>
        <div className="caption muted under ellipsis">
          {[texts.counts.node(nodes.length), version, leadershipOf(topology, cluster.name)].filter(Boolean).join(' · ')}
        </div>
      </div>
      {small ? null : (
        <>
          <Figure title={words.cpu} value={formatQuantity(meanCpu(topology, nodes), 'ratio')} />
          <Figure title={words.power} value={formatQuantity(totalPower(topology, nodes), 'W')} />
          {shownHeadline ? <HeadlineFigure topology={topology} /> : null}
        </>
      )}
      <button
        type="button"
        className="box-hit"
        data-testid={testIds.cluster(cluster.name)}
        aria-label={words.cluster(cluster.name)}
        onClick={() => select(self)}
      />
    </div>
  );
}

function HeadlineFigure({ topology }: { topology: Topology }) {
  const headline = headlineOf(topology);
  const { from, to, asked } = useBeforeCursor(sparkRangeMs);
  const { series } = useSeries(topology.testbed, headline ? [headline.metric] : [], asked, metricUnit);
  if (!headline) return null;
  const points = mergeByTime(series).filter(([time]) => time <= to);
  return (
    <div className="headline">
      <div>
        <div className="caption muted nowrap">
          {headline.application} {metricTitle(headline.metric).toLowerCase()}
        </div>
        <div className={`body strong row gap-4 nowrap ${headline.met === false ? 'bad-text' : ''}`}>
          {headline.met === null ? null : <State name={headline.met ? 'ok' : 'bad'} size={13} />}
          {formatQuantity(headline.value, headline.unit)}
          <span className="caption muted plain">{words.target(formatQuantity(headline.target, headline.unit))}</span>
        </div>
      </div>
      <Sparkline
        times={points.map(([time]) => time)}
        values={points.map(([, value]) => value)}
        from={from}
        to={to}
        target={headline.target}
        width={112}
        height={34}
      />
    </div>
  );
}
