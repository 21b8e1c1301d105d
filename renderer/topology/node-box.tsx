import { formatQuantity, unknown } from '../parts/format.ts';
import { LayerShape, State } from '../parts/glyphs.tsx';
import { headlineOf } from '../state/headline.ts';
import type { Topology } from '../state/types.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';
import { componentLine, componentState, mostPower, nodeFigures, nodeLine, readyWords } from './facts.ts';
import type { Box, NodeBox, Pill } from './layout.ts';
import { isSelected, type Selection, select, useSelection } from './selection.ts';

const words = texts.topology;

const place = ({ x, y, width, height }: Box) => ({ left: x, top: y, width, height });

export function NodeBoxView({ box, topology }: { box: NodeBox; topology: Topology }) {
  const selection = useSelection((state) => state.selection);
  const { node } = box;
  const self: Selection = { kind: 'node', name: node.name };
  const figures = nodeFigures(topology, node);
  const ready = readyWords(node.ready);
  const agent = topology.agents.find((one) => one.layer === 'node' && one.node === node.name);
  const state = node.ready === false ? 'not-ready' : node.ready === null ? 'unknown' : '';
  const applications = [...new Set(box.pills.map((pill) => pill.application))];
  const simulated = topology.kind === 'twin' ? 'simulated' : null;
  return (
    <div className={`box node-box ${state} ${isSelected(selection, self) ? 'selected' : ''}`} style={place(box)}>
      <div className="title">
        <LayerShape name="node" />
        <span className="body strong ellipsis">{node.name}</span>
        <span className={`row gap-4 caption ${node.ready === false ? 'bad-text label' : 'secondary'}`}>
          <State name={ready.state} size={12} />
          {ready.word}
        </span>
      </div>
      <div className="caption muted line ellipsis">{nodeLine(node)}</div>
      <MeterRow
        name="CPU"
        text={formatQuantity(figures.cpu?.value, 'ratio')}
        share={figures.cpu?.share ?? null}
        warn={figures.cpu?.busy ?? false}
      />
      <MeterRow
        name="Power"
        text={formatQuantity(figures.power?.value, 'W')}
        share={figures.power ? figures.power.value / mostPower(topology) / 1.25 : null}
      />
      <MeterRow name="Memory" text={formatQuantity(figures.memory?.value, 'bytes')} share={figures.memory?.share ?? null} />
      <div className="rule" />
      <div className="caption muted">{applications.length > 0 ? applications.join(', ') : words.components}</div>
      {box.pills.length === 0 ? <div className="none caption muted">{words.nonePlaced}</div> : null}
      <div className="foot caption muted">
        <span className="ellipsis">
          {agent ? (agent.alive ? words.agentAlive : words.agentSilent) : words.noAgentHeard}
          {box.pills.length > 0 && !simulated ? ` · ${texts.counts.component(box.pills.length)}` : ''}
        </span>
        <span className="spacer" />
        {simulated}
      </div>
      <button
        type="button"
        className="box-hit"
        data-testid={testIds.node(node.name)}
        data-ready={String(node.ready)}
        aria-label={words.nodeCpu(node.name, ready.word, formatQuantity(figures.cpu?.value, 'ratio'))}
        onClick={() => select(self)}
      />
    </div>
  );
}

function MeterRow({ name, text, share, warn = false }: { name: string; text: string; share: number | null; warn?: boolean }) {
  return (
    <div className="meter-row">
      <span className="muted">{name}</span>
      <span className={`meter ${warn ? 'high' : ''}`}>
        {share === null ? null : <i style={{ width: `${100 * Math.min(1, Math.max(0, share))}%` }} />}
      </span>
      <span className="label row gap-4">
        {warn ? <State name="warn" size={12} /> : null}
        {text}
      </span>
    </div>
  );
}

export function NodeSquareView({ box, topology }: { box: Box & { node: Topology['nodes'][number] }; topology: Topology }) {
  const selection = useSelection((state) => state.selection);
  const self: Selection = { kind: 'node', name: box.node.name };
  const figures = nodeFigures(topology, box.node);
  const label = words.cpu2(box.node.name, readyWords(box.node.ready).word, formatQuantity(figures.cpu?.value, 'ratio'));
  return (
    <button
      type="button"
      className={`node-square ${isSelected(selection, self) ? 'selected' : ''}`}
      style={place(box)}
      title={label}
      aria-label={label}
      data-testid={testIds.node(box.node.name)}
      onClick={() => select(self)}
    >
      {box.node.ready === false ? (
        <State name="bad" size={12} />
      ) : figures.cpu?.busy ? (
        <State name="warn" size={12} />
      ) : (
        <LayerShape name="node" size={10} />
      )}
    </button>
  );
}

export function PillView({ pill, topology }: { pill: Pill; topology: Topology }) {
  const selection = useSelection((state) => state.selection);
  const { component, node, application } = pill;
  const self: Selection = { kind: 'component', application, name: component.name, node };
  const headline = headlineOf(topology);
  const own =
    headline && headline.application === application && headline.component === component.name && headline.node === node
      ? headline
      : null;
  const state = componentState(component);
  return (
    <button
      type="button"
      className={`pill ${component.state} ${isSelected(selection, self) ? 'selected' : ''}`}
      style={place(pill)}
      data-testid={testIds.component(component.name, node)}
      data-state={component.state}
      onClick={() => select(self)}
    >
      <LayerShape name="component" size={12} />
      <span className="names">
        <span className="label ellipsis">{component.name}</span>
        <span className="caption muted ellipsis">{componentLine(topology, component)}</span>
      </span>
      {component.state === 'starting' || component.state === 'failed' ? (
        <State name={state.state} />
      ) : own ? (
        <span className={`caption nowrap row gap-4 ${own.met === false ? 'bad-text label' : 'secondary'}`}>
          {own.met === false ? <State name="bad" size={12} /> : null}
          {own.value === null ? unknown : formatQuantity(own.value, own.unit)}
        </span>
      ) : null}
      <span className="visually-hidden">{words.on2(node, state.word)}</span>
    </button>
  );
}
