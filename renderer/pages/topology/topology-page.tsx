import { useState } from 'react';
import { Badge, Button, Segment } from '../../parts/controls.tsx';
import { formatClock } from '../../parts/format.ts';
import { Icon, State } from '../../parts/glyphs.tsx';
import { useMomentTime, useTopology } from '../../state/moment.ts';
import { useNavigation } from '../../state/navigation.ts';
import { useCurrentTestbed } from '../../state/testbeds.ts';
import { useWorld } from '../../state/world.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { topologySentence } from '../../topology/facts.ts';
import { FieldGraph } from '../../topology/field/field-graph.tsx';
import { findInTopology } from '../../topology/find.ts';
import { Graph } from '../../topology/graph.tsx';
import { Inspector } from '../../topology/inspector.tsx';
import { elementOf, select, useSelection } from '../../topology/selection.ts';
import { TopologyTable } from '../../topology/table.tsx';

const words = texts.topology;

/** Beyond so many nodes each is a cell on a canvas instead of an element. */
const mostAsElements = 200;

export function TopologyPage() {
  const testbed = useCurrentTestbed();
  const topology = useTopology();
  const { topologyError, moment } = useWorld();
  const cursor = useMomentTime();
  const go = useNavigation((state) => state.go);
  const selection = useSelection((state) => state.selection);
  const [view, setView] = useState<'graph' | 'table'>('graph');

  if (!topology) {
    const living = testbed && testbed.state !== 'new' && testbed.state !== 'down';
    return (
      <main className="page">
        <div className="empty">
          <h1 data-testid={testIds.sentence}>
            {cursor !== null ? words.nothingIsKnown(formatClock(cursor)) : living ? words.waitingFor : words.nothingToShow}
          </h1>
          <p>
            {(cursor === null ? topologyError : moment?.error) ??
              (living ? words.continuumClusters : words.continuumClustersNodes)}
          </p>
          {living ? null : <Button onClick={() => go('testbeds')}>{words.chooseATestbed}</Button>}
        </div>
      </main>
    );
  }
  return (
    <main
      className={`page topology-page ${selection ? 'with-inspector' : ''}`}
      data-testid={testIds.topology}
      onKeyDown={(event) => event.key === 'Escape' && select(null)}
    >
      <div className="toolbar">
        <h1>{words.topology}</h1>
        <Segment
          label={words.view}
          value={view}
          onChange={setView}
          options={[
            {
              value: 'graph',
              label: (
                <>
                  <Icon name="topology" size={14} />
                  {words.graph}
                </>
              ),
            },
            {
              value: 'table',
              label: (
                <>
                  <Icon name="table" size={14} />
                  {words.table}
                </>
              ),
            },
          ]}
        />
        <span className="body secondary ellipsis" data-testid={testIds.sentence} title={topologySentence(topology)}>
          {topologySentence(topology)}
        </span>
        <span className="spacer" />
        <input
          className="field topology-search"
          type="search"
          placeholder={words.findANodeOr}
          aria-label={words.findANodeOr}
          data-testid={testIds.topologySearch}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return;
            const found = findInTopology(topology, event.currentTarget.value);
            select(found);
            if (found)
              document
                .querySelector(`[data-testid="${CSS.escape(elementOf(found))}"]`)
                ?.scrollIntoView({ block: 'center', inline: 'center' });
          }}
        />
        {topology.kind === 'twin' ? <Badge kind="info">{words.allValuesSimulated}</Badge> : null}
        {cursor === null ? null : <AsOf cursor={cursor} heardUntil={moment?.heardUntil ?? null} />}
        <span className="caption muted row gap-12 legend">
          <span className="key">
            <svg width="20" height="8" aria-hidden="true">
              <path d="M0 4H20" className="moving-link" />
            </svg>
            {words.moving}
          </span>
          <span className="key">
            <svg width="20" height="8" aria-hidden="true">
              <path d="M0 4H20" className="data-link" />
            </svg>
            {words.dataPath}
          </span>
        </span>
      </div>
      {view === 'table' ? (
        <TopologyTable topology={topology} />
      ) : topology.nodes.length > mostAsElements ? (
        <FieldGraph topology={topology} />
      ) : (
        <Graph topology={topology} />
      )}
      {selection ? <Inspector topology={topology} selection={selection} /> : null}
    </main>
  );
}

/** Which moment is shown; nobody may have listened then. */
function AsOf({ cursor, heardUntil }: { cursor: number; heardUntil: number | null }) {
  if (heardUntil === null) return <Badge kind="accent">{words.asItWasAt(formatClock(cursor))}</Badge>;
  return (
    <Badge kind="warn">
      <State name="warn" size={12} />
      {words.nobodyListened(formatClock(cursor), formatClock(heardUntil))}
    </Badge>
  );
}
