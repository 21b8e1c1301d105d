import { type KeyboardEvent, type PointerEvent, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Button, IconButton, Segment } from '../../parts/controls.tsx';
import { formatQuantity } from '../../parts/format.ts';
import { useTheme } from '../../state/theme.ts';
import type { Topology } from '../../state/types.ts';
import { useReducedMotion, useSize } from '../../state/visible.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { readyWords } from '../facts.ts';
import { movesUnderWay, useArrivals } from '../relocations.ts';
import { type Selection, select, useSelection } from '../selection.ts';
import { drawField, type Palette, type Scene } from './draw-field.ts';
import { type FieldMeasure, readFigures, standings, summarisePanel } from './field-figures.ts';
import { cellSide, type FieldLayout, hitAt, layoutField, neighbourOf } from './field-layout.ts';
import { fitView, reveal, type View, zoomAt } from './field-view.ts';

const words = texts.topology;

/** A turn of the wheel (px) as a factor. */
const wheelFactor = (deltaY: number): number => 2 ** (-Math.max(-120, Math.min(120, deltaY)) / 240);
/** A pointer that moves less than this between press and release has clicked. */
const clickPx = 4;
const keyZoom = 1.25;
const dashSpeedPxPerMs = 20 / 1200;

/** Thousands of nodes on one canvas. Drag moves, the wheel zooms, arrow keys go from node to node; places never change. */
export function FieldGraph({ topology }: { topology: Topology }) {
  const [frame, setFrame] = useState<HTMLDivElement | null>(null);
  const { width, height } = useSize(frame);
  const canvas = useRef<HTMLCanvasElement>(null);
  const layout = useFieldLayout(topology);
  const [measure, setMeasure] = useState<FieldMeasure>('load');
  const figures = useMemo(() => readFigures(topology, layout, measure), [topology, layout, measure]);
  const summaries = useMemo(() => layout.panels.map((panel) => summarisePanel(figures, panel)), [layout, figures]);
  const indexOf = useMemo(() => new Map(layout.nodes.map(({ name }, index) => [name, index])), [layout]);
  const hasTrust = useMemo(() => topology.nodes.some(({ name }) => `trust_level|${name}|` in topology.readings), [topology]);
  const palette = usePalette();
  const selection = useSelection((state) => state.selection);
  const [hovered, setHovered] = useState<{ index: number; x: number; y: number } | null>(null);
  const [focused, setFocused] = useState<number | null>(null);
  const arrivals = useArrivals(topology);
  const relocations = useMemo(
    () =>
      [...movesUnderWay(topology.applications), ...arrivals].flatMap(({ component, from, to }) => {
        const [start, end] = [indexOf.get(from), indexOf.get(to)];
        return start === undefined || end === undefined ? [] : [{ component, from: start, to: end }];
      }),
    [topology, arrivals, indexOf],
  );

  const view = useRef<View | null>(null);
  const least = fitView(layout, { width, height }).scale / 2;
  const selectedName = selection?.kind === 'node' ? selection.name : selection?.kind === 'component' ? selection.node : null;
  const scene = useRef<Omit<Scene, 'view' | 'phase'> | null>(null);
  scene.current = palette && {
    layout,
    figures,
    summaries,
    topology,
    width,
    height,
    palette,
    selected: selectedName === null ? null : (indexOf.get(selectedName) ?? null),
    selectedPanel:
      selection?.kind === 'cluster' ? layout.panels.findIndex(({ cluster }) => cluster.name === selection.name) : null,
    focused,
    relocations,
  };

  const waiting = useRef(0);
  const draw = useCallback(() => {
    if (waiting.current !== 0) return;
    waiting.current = requestAnimationFrame((now) => {
      waiting.current = 0;
      const context = canvas.current?.getContext('2d', { alpha: false });
      const current = scene.current;
      if (!context || !current || !view.current) return;
      context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
      drawField(context, { ...current, view: view.current, phase: now * dashSpeedPxPerMs });
    });
  }, []);
  useEffect(() => () => cancelAnimationFrame(waiting.current), []);
  // First shown, and after its shape has changed: all of it. Else the view stays where it is.
  const shown = useRef<FieldLayout | null>(null);
  useEffect(() => {
    if (width === 0 || height === 0 || !canvas.current) return;
    canvas.current.width = Math.round(width * devicePixelRatio);
    canvas.current.height = Math.round(height * devicePixelRatio);
    if (shown.current !== layout || !view.current) view.current = fitView(layout, { width, height });
    shown.current = layout;
    draw();
  }, [layout, width, height, draw]);
  useEffect(draw);
  // Dashes run only while something moves.
  const still = useReducedMotion();
  const isMoving = relocations.length > 0 && !still;
  useEffect(() => {
    if (!isMoving) return;
    const timer = setInterval(draw, 33);
    return () => clearInterval(timer);
  }, [isMoving, draw]);

  const show = (next: View) => {
    view.current = next;
    draw();
  };
  const zoom = (factor: number, x = width / 2, y = height / 2) => view.current && show(zoomAt(view.current, factor, x, y, least));
  const latestZoom = useRef(zoom);
  latestZoom.current = zoom;
  useEffect(() => {
    if (!frame) return;
    // React listens to the wheel passively, which cannot keep the page from scrolling.
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      const box = frame.getBoundingClientRect();
      latestZoom.current(wheelFactor(event.deltaY), event.clientX - box.left, event.clientY - box.top);
    };
    frame.addEventListener('wheel', turn, { passive: false });
    return () => frame.removeEventListener('wheel', turn);
  }, [frame]);
  // What is selected elsewhere (search, table, palette) is brought into sight.
  useEffect(() => {
    const index = selectedName === null ? undefined : indexOf.get(selectedName);
    if (index === undefined || !view.current || width === 0) return;
    view.current = reveal(view.current, cellBox(layout, index), { width, height });
    draw();
  }, [selectedName, indexOf, layout, width, height, draw]);

  const pressed = useRef<{ x: number; y: number; view: View; moved: boolean } | null>(null);
  const hit = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = view.current;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    return { x, y, hit: at ? hitAt(layout, (x - at.x) / at.scale, (y - at.y) / at.scale) : null };
  };
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0 || !view.current) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    pressed.current = { x: event.clientX, y: event.clientY, view: view.current, moved: false };
  };
  const onPointerMove = (event: PointerEvent) => {
    const press = pressed.current;
    if (!press) {
      const at = hit(event);
      const index = at.hit?.kind === 'node' ? at.hit.index : null;
      if (index === null) {
        if (hovered) setHovered(null);
      } else if (hovered?.index !== index) setHovered({ index, x: at.x, y: at.y });
      return;
    }
    const [dx, dy] = [event.clientX - press.x, event.clientY - press.y];
    if (Math.hypot(dx, dy) > clickPx) press.moved = true;
    if (press.moved) {
      if (hovered) setHovered(null);
      show({ ...press.view, x: press.view.x + dx, y: press.view.y + dy });
    }
  };
  const onPointerUp = (event: PointerEvent) => {
    const press = pressed.current;
    pressed.current = null;
    if (!press || press.moved) return;
    const found = hit(event).hit;
    select(found === null ? null : selectionOf(layout, found));
    if (found?.kind === 'node') setFocused(found.index);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const arrows: Record<string, [-1 | 0 | 1, -1 | 0 | 1]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const arrow = arrows[event.key];
    if (arrow) {
      const next = focused === null ? 0 : neighbourOf(layout, focused, ...arrow);
      setFocused(next);
      if (view.current) show(reveal(view.current, cellBox(layout, next), { width, height }));
    } else if (event.key === 'Enter' && focused !== null) select(selectionOf(layout, { kind: 'node', index: focused }));
    else if (event.key === '+' || event.key === '=') zoom(keyZoom);
    else if (event.key === '-') zoom(1 / keyZoom);
    else if (event.key === '0') show(fitView(layout, { width, height }));
    else return;
    event.preventDefault();
  };
  const told = hovered?.index ?? null;
  return (
    <div className="canvas-frame">
      <div
        ref={setFrame}
        className="node-field"
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys go from node to node
        tabIndex={0}
        aria-label={words.inArrowKeys(texts.counts.node(layout.nodes.length), texts.counts.cluster(layout.panels.length))}
        data-testid={testIds.field}
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onPointerLeave={() => setHovered(null)}
        onKeyDown={onKeyDown}
        onBlur={() => setFocused(null)}
      >
        <canvas ref={canvas} style={{ width, height }} />
        {told !== null && hovered ? (
          <div className="field-tip caption" style={{ left: Math.min(hovered.x + 14, width - 200), top: hovered.y + 14 }}>
            <NodeWords layout={layout} figures={figures} index={told} />
          </div>
        ) : null}
        <div className="visually-hidden" aria-live="polite">
          {focused === null ? '' : <NodeWords layout={layout} figures={figures} index={focused} />}
        </div>
      </div>
      <Legend measure={measure} hasTrust={hasTrust} onMeasure={setMeasure} />
      <fieldset className="zoom" aria-label={words.zoom}>
        <IconButton icon="minus" label={words.smaller} data-testid={testIds.zoomOut} onClick={() => zoom(1 / keyZoom)} />
        <IconButton icon="plus" label={words.larger} onClick={() => zoom(keyZoom)} />
        <Button kind="ghost" onClick={() => show(fitView(layout, { width, height }))}>
          {words.fit}
        </Button>
      </fieldset>
    </div>
  );
}

const cellBox = ({ x, y }: FieldLayout, index: number) => ({
  x: x[index] ?? 0,
  y: y[index] ?? 0,
  width: cellSide,
  height: cellSide,
});

function selectionOf(layout: FieldLayout, hit: NonNullable<ReturnType<typeof hitAt>>): Selection {
  if (hit.kind === 'continuum') return { kind: 'continuum' };
  if (hit.kind === 'cluster') return { kind: 'cluster', name: layout.panels[hit.panel]?.cluster.name ?? '' };
  return { kind: 'node', name: layout.nodes[hit.index]?.name ?? '' };
}

/** Laid out anew only when there are other nodes: a picture comes each second. */
function useFieldLayout(topology: Topology): FieldLayout {
  const known = useRef<{ of: Topology; layout: FieldLayout } | null>(null);
  return useMemo(() => {
    const before = known.current;
    const isSame =
      before !== null &&
      before.of.nodes.length === topology.nodes.length &&
      before.of.clusters.length === topology.clusters.length &&
      topology.nodes.every((node, index) => {
        const other = before.of.nodes[index];
        return other?.name === node.name && other.cluster === node.cluster && other.role === node.role;
      });
    const layout = isSame ? before.layout : layoutField(topology);
    known.current = { of: topology, layout };
    return layout;
  }, [topology]);
}

function NodeWords({ layout, figures, index }: { layout: FieldLayout; figures: ReturnType<typeof readFigures>; index: number }) {
  const node = layout.nodes[index];
  if (!node) return null;
  const standing = figures.standing[index];
  const ready = readyWords(standing === standings.down ? false : standing === standings.unknown ? null : true).word;
  const cpu = figures.cpu[index] ?? Number.NaN;
  const power = figures.power[index] ?? Number.NaN;
  const components = figures.components[index] ?? 0;
  return (
    <>
      <b>{node.name}</b>{' '}
      {words.inCpu(
        node.cluster,
        ready.toLowerCase(),
        formatQuantity(cpu, 'ratio'),
        standing === standings.busy ? words.busy2 : '',
        formatQuantity(power, 'W'),
        components > 0 ? `, ${texts.counts.component(components)}` : '',
      )}
    </>
  );
}

function Legend({
  measure,
  hasTrust,
  onMeasure,
}: {
  measure: FieldMeasure;
  hasTrust: boolean;
  onMeasure: (measure: FieldMeasure) => void;
}) {
  const options: { value: FieldMeasure; label: string }[] = [
    { value: 'load', label: words.load },
    { value: 'power', label: words.power },
  ];
  return (
    <div className="field-legend caption secondary">
      <Segment
        label={words.cellsAreShaded}
        value={measure}
        options={hasTrust ? [...options, { value: 'trust', label: words.trust }] : options}
        onChange={onMeasure}
      />
      <span className="key">
        0
        <i className="field-ramp" />
        {measure === 'power' ? words.most : '100 %'}
      </span>
      <span className="key">
        <span className="warn-text">▲</span> {words.busy3}
      </span>
      <span className="key">
        <span className="bad-text">×</span> {words.notReady4}
      </span>
      <span className="key">
        <span className="field-hollow" /> {words.unknown2}
      </span>
    </div>
  );
}

/** The theme's colours as a canvas wants them; read anew when the theme changes. */
function usePalette(): Palette | null {
  const theme = useTheme((state) => state.theme);
  const [palette, setPalette] = useState<Palette | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tokens' values are those of the theme
  useEffect(() => {
    const style = getComputedStyle(document.documentElement);
    const token = (name: string) => style.getPropertyValue(`--${name}`).trim();
    setPalette({
      background: token('bg'),
      surface: token('surface'),
      line: token('line-2'),
      stroke: token('line-3'),
      text: token('text'),
      quiet: token('text-2'),
      accent: token('accent'),
      accentText: token('accent-text'),
      warn: token('warn'),
      bad: token('bad'),
      continuum: token('continuum'),
      cluster: token('cluster'),
      component: token('component'),
      shades: [1, 2, 3, 4, 5, 6, 7, 8].map((step) => token(`shade-${step}`)),
    });
  }, [theme]);
  return palette;
}
