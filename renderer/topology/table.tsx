import { formatQuantity } from '../parts/format.ts';
import { LayerShape, State } from '../parts/glyphs.tsx';
import type { Topology } from '../state/types.ts';
import { componentState, nodeFigures, nodeLine, readyWords } from './facts.ts';
import { componentsOn, orderNodes } from './layout.ts';
import { isSelected, type Selection, select, useSelection } from './selection.ts';

/** The same as the graph, as a table: for reading, sorting by eye, and for who cannot see the graph. */
export function TopologyTable({ topology }: { topology: Topology }) {
  const selection = useSelection((state) => state.selection);
  return (
    <div className="topology-table">
      <section className="card" aria-label="Nodes">
        <table className="roomy">
          <thead>
            <tr>
              <th>Node</th>
              <th>Cluster</th>
              <th>Kind</th>
              <th>State</th>
              <th className="number">CPU</th>
              <th className="number">Power</th>
              <th className="number">Memory</th>
              <th>Components</th>
            </tr>
          </thead>
          <tbody>
            {orderNodes(topology.nodes).map((node) => {
              const self: Selection = { kind: 'node', name: node.name };
              const figures = nodeFigures(topology, node);
              const ready = readyWords(node.ready);
              return (
                <tr
                  key={`${node.cluster}-${node.name}`}
                  className="selectable"
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
                      .join(', ') || 'none'}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
    </div>
  );
}
