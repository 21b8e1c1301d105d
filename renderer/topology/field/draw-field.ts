import { formatNumber, formatQuantity } from '../../parts/format.ts';
import type { Topology } from '../../state/types.ts';
import { texts } from '../../texts/texts.ts';
import { aggregate, type FieldFigures, type PanelSummary, shadeOf, shades, standings } from './field-figures.ts';
import { cellPitch, cellSide, type FieldLayout, type Panel } from './field-layout.ts';
import type { View } from './field-view.ts';

const words = texts.topology;

/** Colours by role, read from the theme's tokens once a theme. */
export interface Palette {
  background: string;
  surface: string;
  line: string;
  stroke: string;
  text: string;
  quiet: string;
  accent: string;
  accentText: string;
  warn: string;
  bad: string;
  continuum: string;
  cluster: string;
  component: string;
  /** Lightest to darkest for 0–100 %. */
  shades: string[];
}

export interface Relocation {
  component: string;
  /** Indices of nodes. */
  from: number;
  to: number;
}

export interface Scene {
  layout: FieldLayout;
  figures: FieldFigures;
  summaries: readonly PanelSummary[];
  topology: Pick<Topology, 'continuum' | 'applications'>;
  view: View;
  width: number;
  height: number;
  palette: Palette;
  /** Index of the node, or of the panel, that is selected; of the node that the keys are at. */
  selected: number | null;
  selectedPanel: number | null;
  focused: number | null;
  relocations: readonly Relocation[];
  /** Phase of the dashes, px. */
  phase: number;
}

/** A cell smaller than this is no longer seen by itself: cells are put together into tiles. */
const leastCellPx = 5;
/** From here on a cell holds its name and figures, from there on its components too. */
const namedCellPx = 62;
const detailedCellPx = 132;
const face = '"Inter Variable", system-ui, sans-serif';

/** One frame. What the cells show depends on their size on the screen: tiles of many, shades, figures, components. */
export function drawField(context: CanvasRenderingContext2D, scene: Scene): void {
  const { palette, width, height, layout, view } = scene;
  context.fillStyle = palette.background;
  context.fillRect(0, 0, width, height);
  drawContinuum(context, scene);
  const cellPx = cellSide * view.scale;
  const seen = layout.panels.map((panel) => isSeen(panel, scene));
  for (const [index, panel] of layout.panels.entries()) if (seen[index]) drawPanel(context, scene, panel, index);
  if (cellPx < leastCellPx) {
    for (const [index, panel] of layout.panels.entries())
      if (seen[index]) drawTiles(context, scene, panel, Math.ceil(leastCellPx / cellPx));
  } else if (cellPx < namedCellPx) drawShades(context, scene, seen);
  else drawNamed(context, scene, seen);
  drawRelocations(context, scene);
  for (const [index, stroke, offset] of [
    [scene.selected, palette.accent, 1.5],
    [scene.focused, palette.text, 4],
  ] as const)
    if (index !== null) ring(context, scene, index, stroke, offset);
}

function isSeen({ x, y, width, height }: Panel, { view, width: w, height: h }: Scene): boolean {
  const left = x * view.scale + view.x;
  const top = y * view.scale + view.y;
  return left < w && top < h && left + width * view.scale > 0 && top + height * view.scale > 0;
}

function drawContinuum(context: CanvasRenderingContext2D, { layout, view, palette, topology, summaries }: Scene): void {
  const { width, height } = layout.continuum;
  const box = { x: view.x, y: view.y, width: width * view.scale, height: height * view.scale };
  panelBox(context, box, palette, false);
  const known = summaries.map(({ power }) => power);
  const power = known.includes(null) ? null : known.reduce<number>((sum, one) => sum + (one ?? 0), 0);
  const facts = [
    topology.continuum.karmada ? words.karmada(topology.continuum.karmada.replace(/^v/, '')) : '',
    texts.counts.cluster(layout.panels.length),
    texts.counts.node(layout.nodes.length),
    power === null ? '' : formatQuantity(power, 'W'),
  ];
  headline(context, box, { shape: 'diamond', colour: palette.continuum }, topology.continuum.name, facts, palette);
}

function drawPanel(context: CanvasRenderingContext2D, scene: Scene, panel: Panel, index: number): void {
  const { view, palette, summaries } = scene;
  const box = {
    x: panel.x * view.scale + view.x,
    y: panel.y * view.scale + view.y,
    width: panel.width * view.scale,
    height: panel.height * view.scale,
  };
  panelBox(context, box, palette, scene.selectedPanel === index);
  const summary = summaries[index];
  if (!summary) return;
  const facts = [
    words.ofReady(summary.ready, panel.count),
    summary.down > 0 ? words.notReady2(summary.down) : '',
    summary.busy > 0 ? words.busy(summary.busy) : '',
    summary.cpu === null ? '' : words.cpuOf(formatQuantity(summary.cpu, 'ratio')),
    summary.power === null ? '' : formatQuantity(summary.power, 'W'),
  ];
  const header = { ...box, height: panel.header * view.scale };
  headline(context, header, { shape: 'hexagon', colour: palette.cluster }, panel.cluster.name, facts, palette);
}

type ScreenBox = { x: number; y: number; width: number; height: number };

function panelBox(context: CanvasRenderingContext2D, box: ScreenBox, palette: Palette, selected: boolean): void {
  context.beginPath();
  context.roundRect(box.x, box.y, box.width, box.height, Math.min(8, box.width / 8));
  context.fillStyle = palette.surface;
  context.fill();
  context.lineWidth = selected ? 2 : 1;
  context.strokeStyle = selected ? palette.accent : palette.line;
  context.stroke();
}

/** Shape, name and as many facts as there is room for. Text is never larger than reads well, and left out below what can be read. */
function headline(
  context: CanvasRenderingContext2D,
  box: ScreenBox,
  sign: { shape: 'diamond' | 'hexagon'; colour: string },
  name: string,
  facts: readonly string[],
  palette: Palette,
): void {
  const size = Math.min(13, box.height * 0.52);
  if (size < 7) return;
  const middle = box.y + box.height / 2;
  const radius = size * 0.42;
  let x = box.x + size * 0.9;
  context.fillStyle = sign.colour;
  polygon(context, x + radius, middle, radius, sign.shape === 'diamond' ? 4 : 6);
  x += radius * 2 + size * 0.5;
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  context.font = `600 ${size}px ${face}`;
  context.fillStyle = palette.text;
  const room = box.x + box.width - size;
  // Squeezed rather than left out.
  if (room > x) context.fillText(name, x, middle, room - x);
  x += context.measureText(name).width + size;
  context.font = `400 ${Math.max(7, size * 0.88)}px ${face}`;
  for (const fact of facts) {
    if (fact === '') continue;
    const width = context.measureText(fact).width;
    if (x + width > room) return;
    context.fillStyle = fact.startsWith('×') ? palette.bad : fact.startsWith('▲') ? palette.warn : palette.quiet;
    context.fillText(fact, x, middle);
    x += width + size;
  }
}

function polygon(context: CanvasRenderingContext2D, x: number, y: number, radius: number, corners: number): void {
  context.beginPath();
  for (let corner = 0; corner < corners; corner++) {
    const angle = (corner / corners) * 2 * Math.PI - Math.PI / 2;
    context.lineTo(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
  }
  context.fill();
}

/** Tiles of many cells each: the mean as a shade, and a mark where any of them is down. */
function drawTiles(context: CanvasRenderingContext2D, { view, figures, palette }: Scene, panel: Panel, block: number): void {
  const left = (panel.x + 12) * view.scale + view.x;
  const top = (panel.y + panel.header) * view.scale + view.y;
  const pitch = block * cellPitch * view.scale;
  const side = Math.max(1, pitch - 1);
  for (const tile of aggregate(figures, panel, block)) {
    const x = left + tile.column * pitch;
    const y = top + tile.row * pitch;
    const shade = shadeOf(tile.share);
    context.fillStyle = tile.busy > 0 ? palette.warn : (palette.shades[shade] ?? palette.line);
    context.fillRect(x, y, side, side);
    if (tile.down > 0) cross(context, x, y, side, palette);
  }
}

/** One cell a node, in the order of shades: a colour is set once. Busy and down ones are marked by shape on top. */
function drawShades(context: CanvasRenderingContext2D, scene: Scene, seen: readonly boolean[]): void {
  const { layout, figures, view, width, height, palette } = scene;
  const side = cellSide * view.scale;
  const { order, shadeStart, standing } = figures;
  const marked: number[] = [];
  for (let shade = 0; shade <= shades; shade++) {
    context.fillStyle = palette.shades[shade] ?? palette.surface;
    for (let at = shadeStart[shade]!; at < shadeStart[shade + 1]!; at++) {
      const index = order[at]!;
      if (!seen[layout.panelOf[index]!]) continue;
      const x = layout.x[index]! * view.scale + view.x;
      const y = layout.y[index]! * view.scale + view.y;
      if (x > width || y > height || x + side < 0 || y + side < 0) continue;
      if (standing[index] === standings.ready && shade < shades) context.fillRect(x, y, side, side);
      else marked.push(index);
    }
  }
  for (const index of marked) {
    const x = layout.x[index]! * view.scale + view.x;
    const y = layout.y[index]! * view.scale + view.y;
    if (standing[index] === standings.down) cross(context, x, y, side, palette);
    else if (standing[index] === standings.busy) triangle(context, x, y, side, palette);
    else {
      context.strokeStyle = palette.stroke;
      context.lineWidth = 1;
      context.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
    }
  }
  if (side >= 12) {
    context.fillStyle = palette.component;
    for (let index = 0; index < layout.nodes.length; index++) {
      if (figures.components[index] === 0) continue;
      const x = layout.x[index]! * view.scale + view.x;
      const y = layout.y[index]! * view.scale + view.y;
      if (x > width || y > height || x + side < 0 || y + side < 0) continue;
      context.beginPath();
      context.arc(x + side * 0.78, y + side * 0.78, Math.max(2, side * 0.12), 0, 2 * Math.PI);
      context.fill();
    }
  }
}

function cross(context: CanvasRenderingContext2D, x: number, y: number, side: number, palette: Palette): void {
  context.strokeStyle = palette.bad;
  context.lineWidth = Math.max(1, side * 0.14);
  context.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
  if (side < 4) return;
  const inset = side * 0.28;
  context.beginPath();
  context.moveTo(x + inset, y + inset);
  context.lineTo(x + side - inset, y + side - inset);
  context.moveTo(x + side - inset, y + inset);
  context.lineTo(x + inset, y + side - inset);
  context.stroke();
}

function triangle(context: CanvasRenderingContext2D, x: number, y: number, side: number, palette: Palette): void {
  context.fillStyle = palette.warn;
  context.beginPath();
  context.moveTo(x + side / 2, y + side * 0.06);
  context.lineTo(x + side, y + side * 0.94);
  context.lineTo(x, y + side * 0.94);
  context.fill();
}

/** Name, load and power in the cell; its components too where there is room. */
function drawNamed(context: CanvasRenderingContext2D, scene: Scene, seen: readonly boolean[]): void {
  const { layout, figures, view, width, height, palette, topology } = scene;
  const side = cellSide * view.scale;
  const detailed = side >= detailedCellPx;
  const onNode = new Map<string, string[]>();
  if (detailed)
    for (const { components } of topology.applications)
      for (const { name, node } of components) if (node !== null) onNode.set(node, [...(onNode.get(node) ?? []), name]);
  const size = Math.min(12, side / 6.4);
  context.textAlign = 'left';
  context.textBaseline = 'alphabetic';
  for (const [panelIndex, panel] of layout.panels.entries()) {
    if (!seen[panelIndex]) continue;
    for (let index = panel.first; index < panel.first + panel.count; index++) {
      const x = layout.x[index]! * view.scale + view.x;
      const y = layout.y[index]! * view.scale + view.y;
      if (x > width || y > height || x + side < 0 || y + side < 0) continue;
      const standing = figures.standing[index];
      context.beginPath();
      context.roundRect(x, y, side, side, 6);
      context.fillStyle = palette.background;
      context.fill();
      context.lineWidth = standing === standings.down ? 1.5 : 1;
      context.strokeStyle = standing === standings.down ? palette.bad : palette.line;
      context.setLineDash(standing === standings.unknown ? [3, 3] : []);
      context.stroke();
      context.setLineDash([]);
      const name = layout.nodes[index]?.name ?? '';
      context.save();
      context.clip();
      context.font = `600 ${size}px ${face}`;
      context.fillStyle = palette.text;
      context.fillText(name, x + size * 0.7, y + size * 1.7);
      const cpu = figures.cpu[index] ?? Number.NaN;
      const power = figures.power[index] ?? Number.NaN;
      const bar = y + size * 2.3;
      const full = side - size * 1.4;
      context.fillStyle = palette.line;
      context.fillRect(x + size * 0.7, bar, full, 4);
      if (!Number.isNaN(cpu)) {
        context.fillStyle = standing === standings.busy ? palette.warn : palette.quiet;
        context.fillRect(x + size * 0.7, bar, full * Math.min(1, cpu), 4);
      }
      context.font = `400 ${size * 0.9}px ${face}`;
      context.fillStyle = standing === standings.down ? palette.bad : standing === standings.busy ? palette.warn : palette.quiet;
      const state = standing === standings.down ? words.notReady3 : standing === standings.unknown ? words.unknown : '';
      const load = Number.isNaN(cpu) ? '' : `${standing === standings.busy ? '▲ ' : ''}${formatNumber(cpu * 100, 0)} %`;
      context.fillText(state || load, x + size * 0.7, bar + 6 + size);
      if (state === '' && !Number.isNaN(power)) {
        context.textAlign = 'right';
        context.fillStyle = palette.quiet;
        context.fillText(formatQuantity(power, 'W'), x + side - size * 0.7, bar + 6 + size);
        context.textAlign = 'left';
      }
      if (detailed)
        for (const [line, component] of (onNode.get(name) ?? []).slice(0, 4).entries()) {
          const at = bar + 10 + size * (2.4 + line * 1.5);
          context.fillStyle = palette.component;
          context.beginPath();
          context.arc(x + size, at - size * 0.3, size * 0.28, 0, 2 * Math.PI);
          context.fill();
          context.fillStyle = palette.text;
          context.fillText(component, x + size * 1.8, at);
        }
      context.restore();
    }
  }
}

const centreOf = ({ layout, view }: Scene, index: number): [number, number] => [
  (layout.x[index]! + cellSide / 2) * view.scale + view.x,
  (layout.y[index]! + cellSide / 2) * view.scale + view.y,
];

/** From where a component leaves to where it comes up: dashes that run along, its name at the end. */
function drawRelocations(context: CanvasRenderingContext2D, scene: Scene): void {
  const { relocations, palette, phase } = scene;
  if (relocations.length === 0) return;
  context.save();
  context.strokeStyle = palette.accentText;
  context.fillStyle = palette.accentText;
  context.lineWidth = 2;
  context.setLineDash([6, 4]);
  context.lineDashOffset = -phase;
  context.font = `500 11px ${face}`;
  context.textAlign = 'center';
  for (const { from, to, component } of relocations) {
    const [x1, y1] = centreOf(scene, from);
    const [x2, y2] = centreOf(scene, to);
    const lift = Math.min(80, Math.hypot(x2 - x1, y2 - y1) * 0.3);
    context.beginPath();
    context.moveTo(x1, y1);
    context.quadraticCurveTo((x1 + x2) / 2, Math.min(y1, y2) - lift, x2, y2);
    context.stroke();
    const label = y2 - (cellSide / 2) * scene.view.scale - 6;
    context.save();
    context.setLineDash([]);
    context.lineWidth = 4;
    context.strokeStyle = palette.surface;
    context.strokeText(component, x2, label);
    context.restore();
    context.fillText(component, x2, label);
  }
  context.restore();
}

function ring(context: CanvasRenderingContext2D, { layout, view }: Scene, index: number, stroke: string, offset: number): void {
  const side = cellSide * view.scale;
  context.strokeStyle = stroke;
  context.lineWidth = 2;
  context.strokeRect(
    layout.x[index]! * view.scale + view.x - offset,
    layout.y[index]! * view.scale + view.y - offset,
    side + 2 * offset,
    side + 2 * offset,
  );
}
