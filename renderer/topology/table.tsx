import { useMemo, useState } from 'react';
import { formatQuantity } from '../parts/format.ts';
import { LayerShape, State } from '../parts/glyphs.tsx';
import { useVisibleRows } from '../parts/visible-rows.ts';
import type { Topology } from '../state/types.ts';
import { texts } from '../texts/texts.ts';
import { componentState, nodeFigures, nodeLine, readyWords } from './facts.ts';
import { componentsOn, orderNodes } from './layout.ts';
import { isSelected, type Selection, select, useSelection } from './selection.ts';

const words = texts.topology;

/** Of a roomy table, with its line, px. */
const rowHeight = 41;

/** The same as the graph, as a table: for reading, sorting by eye, and for who cannot see the graph. */
export function TopologyTable({ topology }: { topology: Topology }) {
  const selection = useSelection((state) => state.selection);
  const [scroller, setScroller] = useState<HTMLDivElement | null>(null);
  const nodes = useMemo(() => orderNodes(topology.nodes), [topology.nodes]);
  const { first, end } = useVisibleRows(scroller, nodes.length, rowHeight);
  return (
    <div className="topology-table" ref={setScroller}>
      <section className="card" aria-label={words.nodes}>
        <table className="roomy" aria-rowcount={nodes.length + 1}>
          <thead>
            <tr>
              <th>{words.node}</th>
              <th>{words.cluster2}</th>
              <th>{words.kind}</th>
              <th>{words.state}</th>
              <th className="number">{words.cpu}</th>
              <th className="number">{words.power}</th>
              <th className="number">{words.memory}</th>
              <th>{words.components}</th>
            </tr>
          </thead>
          <tbody>
            {first > 0 ? (
              <tr>
                <td colSpan={8} style={{ height: first * rowHeight, padding: 0 }} />
              </tr>
            ) : null}
            {nodes.slice(first, end).map((node, index) => {
              const self: Selection = { kind: 'node', name: node.name };
              const figures = nodeFigures(topology, node);
              const ready = readyWords(node.ready);
              return (
                <tr
                  key={`${node.cluster}-${node.name}`}
                  className="selectable"
                  aria-rowindex={first + index + 2}
                  aria-selected={isSelected(selection, self)}
                  onClick={() => select(self)}
                >
                  <td>
                    <span className="row">
                      <LayerShape name="node" />
                      <button type="button" className="link text" onClick={() => select(self)}>
                        {node.name}
                      </button>
                    </span>
                  </td>
                  <td className="secondary">{node.cluster}</td>
                  <td className="secondary">{nodeLine(node)}</td>
                  <td>
                    <span className="row gap-6">
                      <State name={ready.state} />
                      {ready.word}
                    </span>
                  </td>
                  <td className="number">{formatQuantity(figures.cpu?.value, 'ratio')}</td>
                  <td className="number">{formatQuantity(figures.power?.value, 'W')}</td>
                  <td className="number">{formatQuantity(figures.memory?.value, 'bytes')}</td>
                  <td className="secondary">
                    {componentsOn(topology, node.name)
                      .map(({ component }) =>
                        component.state === 'running'
                          ? component.name
                          : `${component.name} (${componentState(component).word.toLowerCase()})`,
                      )
                      .join(', ') || words.none}
                  </td>
                </tr>
              );
            })}
            {end < nodes.length ? (
              <tr>
                <td colSpan={8} style={{ height: (nodes.length - end) * rowHeight, padding: 0 }} />
              </tr>
            ) : null}
          </tbody>
        </table>
      </section>
    </div>
  );
}
