import { formatNumber, formatQuantity } from '../parts/format.ts';
import { State } from '../parts/glyphs.tsx';
import type { Topology } from '../state/types.ts';
import { texts } from '../texts/texts.ts';
import type { TopologyLayout, Trunk } from './layout.ts';
import { linkBetween, strokeOf, trafficOf } from './link-facts.ts';

/** A share of lost probes above this is worth a warning. */
const lossy = 0.02;

/** Below this, bytes a second, a line carries next to nothing. */
const quietBytes = 100;

/** The node that a node's link to its cluster leads to: the first master, or for it the management host. */
function hubOf(topology: Topology, node: string): string | null {
  const own = topology.nodes.find(({ name }) => name === node);
  const master = topology.nodes.find(({ cluster, role }) => cluster === own?.cluster && role === 'master');
  const management = topology.nodes.find(({ role }) => role === 'management');
  const hub = master && master.name !== node ? master : management;
  return hub && hub.name !== node ? hub.name : null;
}

/** Lines from the continuum down; that of a node is as thick as what it carries. */
export function Trunks({ topology, layout }: { topology: Topology; layout: TopologyLayout }) {
  return (
    <svg className="lines" width={layout.width} height={layout.height} aria-hidden="true">
      {layout.trunks.map(({ key, path, node }) => (
        <path
          key={key}
          className="trunk"
          d={path}
          style={{ strokeWidth: node === null ? 1.5 : strokeOf(trafficOf(topology, node)) }}
        />
      ))}
    </svg>
  );
}

/** Round trip and traffic on each node's line, as far as they are measured. */
export function TrunkLabels({ topology, layout }: { topology: Topology; layout: TopologyLayout }) {
  return layout.trunks.map((trunk) => <TrunkLabel key={trunk.key} topology={topology} trunk={trunk} />);
}

function TrunkLabel({ topology, trunk: { node, at } }: { topology: Topology; trunk: Trunk }) {
  if (node === null) return null;
  const hub = hubOf(topology, node);
  const link = hub === null ? null : linkBetween(topology, node, hub);
  const traffic = trafficOf(topology, node);
  const isLossy = link?.lossShare != null && link.lossShare > lossy;
  const words = [
    link?.roundTripMs == null ? null : `${formatNumber(link.roundTripMs, link.roundTripMs < 10 ? 1 : 0)} ms`,
    traffic === null ? null : traffic < quietBytes ? 'idle' : formatQuantity(traffic, 'bytes/s'),
    isLossy ? `${formatQuantity(link.lossShare, 'ratio')} lost` : null,
  ].filter((word) => word !== null);
  if (words.length === 0) return null;
  const title = [
    `${node}${hub === null ? '' : ` to ${hub}`}`,
    link?.roundTripMs == null ? texts.topology.roundTripNot : texts.topology.roundTripMs(formatNumber(link.roundTripMs)),
    link?.throughputBytes == null ? null : texts.topology.aTransferReached(formatQuantity(link.throughputBytes, 'bytes/s')),
    traffic === null ? null : texts.topology.receivedAnd(formatQuantity(traffic, 'bytes/s'), node),
  ];
  return (
    <div
      className={`trunk-label caption ${isLossy ? 'warn-text' : 'muted'}`}
      style={{ left: at.x, top: at.y }}
      title={title.filter(Boolean).join('; ')}
    >
      {isLossy ? <State name="warn" size={11} /> : null}
      {words.join(' · ')}
    </div>
  );
}
