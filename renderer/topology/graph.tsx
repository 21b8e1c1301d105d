import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { Button, IconButton } from '../parts/controls.tsx';
import { LayerShape } from '../parts/glyphs.tsx';
import type { Layer, Topology } from '../state/types.ts';
import { useSize } from '../state/visible.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';
import { Arrivals } from './arrivals-view.tsx';
import { ClusterBoxView, ContinuumBoxView } from './cluster-box.tsx';
import { agentsOf } from './facts.ts';
import { type Box, layoutTopology } from './layout.ts';
import { TrunkLabels, Trunks } from './links-view.tsx';
import { NodeBoxView, NodeSquareView, PillView } from './node-box.tsx';
import { elementOf, useSelection } from './selection.ts';
import { baseScale, clampScale, fitScale, scrollAfterZoom, wheelFactor } from './zoom.ts';

const words = texts.topology;

const laneTitles: { key: 'continuum' | 'clusters' | 'nodes'; layer: Layer; title: string }[] = [
  { key: 'continuum', layer: 'continuum', title: words.continuum2 },
  { key: 'clusters', layer: 'cluster', title: words.clusters },
  { key: 'nodes', layer: 'node', title: words.nodes },
];

const place = ({ x, y, width, height }: Box) => ({ left: x, top: y, width, height });

/** Continuum above clusters above nodes. Places depend on what there is, not on how it does: nothing jumps. */
export function Graph({ topology }: { topology: Topology }) {
  const [canvas, setCanvas] = useState<HTMLDivElement | null>(null);
  const { width, height } = useSize(canvas);
  const base = baseScale({ width, height });
  const layout = useMemo(() => layoutTopology(topology, width / base, height / base), [topology, width, height, base]);
  const [scale, setScale] = useState(1);
  // Where to scroll once the new scale has been laid out.
  const after = useRef<{ left: number; top: number } | null>(null);
  const zoomTo = (next: number, at = { x: width / 2, y: height / 2 }) => {
    const to = clampScale(next);
    if (canvas)
      after.current = {
        left: scrollAfterZoom(canvas.scrollLeft, at.x, scale, to),
        top: scrollAfterZoom(canvas.scrollTop, at.y, scale, to),
      };
    setScale(to);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new scale has a place to scroll to
  useLayoutEffect(() => {
    if (canvas && after.current) canvas.scrollTo(after.current);
    after.current = null;
  }, [canvas, scale]);
  const latest = useRef(zoomTo);
  latest.current = zoomTo;
  const scaleNow = useRef(scale);
  scaleNow.current = scale;
  useEffect(() => {
    if (!canvas) return;
    // Two fingers, or the wheel with Ctrl; React listens to it passively, which cannot keep the page from zooming.
    const turn = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = canvas.getBoundingClientRect();
      latest.current(scaleNow.current * wheelFactor(event.deltaY), { x: event.clientX - box.left, y: event.clientY - box.top });
    };
    canvas.addEventListener('wheel', turn, { passive: false });
    return () => canvas.removeEventListener('wheel', turn);
  }, [canvas]);
  // What is selected stays in sight when the inspector opens beside it or over it, and when it was selected elsewhere.
  const selection = useSelection((state) => state.selection);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new width moves the boxes
  useEffect(() => {
    if (!canvas || !selection) return;
    canvas
      .querySelector(`[data-testid="${CSS.escape(elementOf(selection))}"]`)
      ?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [canvas, selection, width]);
  const moving = layout.links.filter((link) => link.kind === 'moving');
  return (
    <div className="canvas-frame">
      <div className="canvas" ref={setCanvas}>
        {width > 0 ? (
          <div className="drawing" style={{ width: layout.width * scale * base, height: layout.height * scale * base }}>
            <div className="stage" style={{ width: layout.width, height: layout.height, scale: String(scale * base) }}>
              {laneTitles.map(({ key, layer, title }) => {
                const agents = agentsOf(topology, layer);
                const alive = agents.filter((agent) => agent.alive).length;
                return (
                  <div key={key} className={`lane ${key === 'nodes' ? 'last' : ''}`} style={place(layout.lanes[key])}>
                    <div>
                      <div className="row gap-6 label">
                        <LayerShape name={layer} />
                        {title}
                      </div>
                      <div
                        className={`caption ${alive < agents.length ? 'bad-text' : 'muted'}`}
                        data-testid={testIds.agentCount(layer)}
                        data-alive={alive}
                      >
                        {alive === agents.length ? texts.counts.agent(agents.length) : words.ofAlive(alive, agents.length)}
                      </div>
                    </div>
                  </div>
                );
              })}
              <Trunks topology={topology} layout={layout} />
              <TrunkLabels topology={topology} layout={layout} />
              <ContinuumBoxView box={layout.continuum} topology={topology} />
              {layout.clusters.map((box) => (
                <ClusterBoxView key={box.cluster.name} box={box} topology={topology} />
              ))}
              {layout.clusters.flatMap((box) =>
                box.nodes.map((node) => <NodeBoxView key={node.node.name} box={node} topology={topology} />),
              )}
              {layout.clusters.flatMap((box) =>
                box.squares.map((square) => <NodeSquareView key={square.node.name} box={square} topology={topology} />),
              )}
              {layout.clusters.flatMap((box) =>
                box.nodes.flatMap((node) =>
                  node.pills.map((pill) => (
                    <PillView
                      key={`${pill.component.name}-${pill.component.pod ?? pill.component.state}`}
                      pill={pill}
                      topology={topology}
                    />
                  )),
                ),
              )}
              <svg className="lines" width={layout.width} height={layout.height} aria-hidden="true">
                {layout.links
                  .filter((link) => link.kind === 'data')
                  .map((link) => (
                    <path key={`${link.from}-${link.to}`} className="data-link" d={link.path} markerEnd="url(#arrow-head)" />
                  ))}
                {moving.map((link) => (
                  <path key={link.from} className="moving-link flow" d={link.path} markerEnd="url(#arrow-head)" />
                ))}
              </svg>
              <Arrivals topology={topology} layout={layout} />
            </div>
          </div>
        ) : null}
      </div>
      <fieldset className="zoom" aria-label={words.zoom}>
        <IconButton icon="minus" label={words.smaller} data-testid={testIds.zoomOut} onClick={() => zoomTo(scale / 1.25)} />
        <Button kind="ghost" title={words.asItIs} onClick={() => zoomTo(1)}>
          {Math.round(scale * 100)} %
        </Button>
        <IconButton icon="plus" label={words.larger} onClick={() => zoomTo(scale * 1.25)} />
        <Button kind="ghost" onClick={() => zoomTo(fitScale(layout, { width: width / base, height: height / base }))}>
          {words.fit}
        </Button>
      </fieldset>
    </div>
  );
}
