import type { Topology, TopologyNode } from '../../state/types.ts';
import type { Box } from '../layout.ts';
import { orderNodes } from '../layout.ts';

/** Side of a node's cell and the air around it, in world units: CSS pixels at scale 1. */
export const cellSide = 24;
export const cellPitch = 28;
const padding = 12;
const panelGap = 40;
const rootHeight = 72;
/** A panel is this much wider than high, and so is the whole. */
const cellAspect = 1.6;
const fieldAspect = 1.8;

export interface Panel extends Box {
  cluster: Topology['clusters'][number];
  /** Height of the band that holds its name, at the top. */
  header: number;
  columns: number;
  /** Its nodes are those of the layout from this index on. */
  first: number;
  count: number;
}

export interface FieldLayout {
  width: number;
  height: number;
  continuum: Box;
  panels: Panel[];
  nodes: TopologyNode[];
  /** Upper left corners of the cells, by index of the node. */
  x: Float32Array;
  y: Float32Array;
  panelOf: Uint32Array;
}

/**
 * Thousands of nodes: a cell each, in a panel for each cluster, panels in rows under the continuum. Depends on the names alone, neither on
 * readings nor on the window: everything stays where it was.
 */
export function layoutField(topology: Pick<Topology, 'clusters' | 'nodes'>): FieldLayout {
  const clusters = [...topology.clusters].sort(
    (a, b) =>
      (a.role === 'management' ? 0 : 1) - (b.role === 'management' ? 0 : 1) ||
      a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
  const byCluster = new Map<string, TopologyNode[]>(clusters.map(({ name }) => [name, []]));
  for (const node of topology.nodes) byCluster.get(node.cluster)?.push(node);
  const members = clusters.map(({ name }) => orderNodes(byCluster.get(name) ?? []));
  const columnsFor = (nodes: number) => Math.ceil(Math.sqrt(nodes * cellAspect));
  const widest = Math.max(8, ...members.map(({ length }) => columnsFor(length)));
  // One height for all names, so that they are read at one size; a small cluster is wide enough for its own.
  const header = Math.min(160, Math.max(40, Math.round(widest * cellPitch * 0.09)));
  const sizes = clusters.map((cluster, index) => {
    const nodes = members[index] ?? [];
    const columns = Math.max(8, Math.ceil(widest * 0.4), columnsFor(nodes.length));
    const rows = Math.max(1, Math.ceil(nodes.length / columns));
    const width = columns * cellPitch - (cellPitch - cellSide) + 2 * padding;
    return { cluster, nodes, columns, width, header, height: header + rows * cellPitch + padding };
  });
  const rowWidth = bestRowWidth(sizes);

  const count = sizes.reduce((sum, { nodes }) => sum + nodes.length, 0);
  const layout: FieldLayout = {
    width: 0,
    height: 0,
    continuum: { x: 0, y: 0, width: 0, height: rootHeight },
    panels: [],
    nodes: [],
    x: new Float32Array(count),
    y: new Float32Array(count),
    panelOf: new Uint32Array(count),
  };
  let left = 0;
  let top = rootHeight + panelGap;
  let rowHeight = 0;
  for (const { cluster, nodes, columns, width, height, header } of sizes) {
    if (left > 0 && left + width > rowWidth) {
      top += rowHeight + panelGap;
      left = 0;
      rowHeight = 0;
    }
    const first = layout.nodes.length;
    for (const [index, node] of nodes.entries()) {
      layout.x[first + index] = left + padding + (index % columns) * cellPitch;
      layout.y[first + index] = top + header + Math.floor(index / columns) * cellPitch;
      layout.panelOf[first + index] = layout.panels.length;
      layout.nodes.push(node);
    }
    layout.panels.push({ cluster, x: left, y: top, width, height, header, columns, first, count: nodes.length });
    layout.width = Math.max(layout.width, left + width);
    rowHeight = Math.max(rowHeight, height);
    left += width + panelGap;
  }
  layout.height = top + rowHeight;
  layout.continuum.width = layout.width;
  return layout;
}

type Size = { width: number; height: number };

/** Where rows end so that the whole is seen largest in a window of the usual shape. */
function bestRowWidth(sizes: readonly Size[]): number {
  const area = sizes.reduce((sum, { width, height }) => sum + (width + panelGap) * (height + panelGap), 0);
  const widest = Math.max(0, ...sizes.map(({ width }) => width));
  const usual = Math.sqrt(area * fieldAspect);
  const candidates = [0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8].map((factor) => Math.max(widest, usual * factor));
  const extent = (rowWidth: number): number => {
    let [left, top, rowHeight, most] = [0, rootHeight, 0, 0];
    for (const { width, height } of sizes) {
      if (left > 0 && left + width > rowWidth) [left, top, rowHeight] = [0, top + rowHeight + panelGap, 0];
      left += width + panelGap;
      rowHeight = Math.max(rowHeight, height);
      most = Math.max(most, left);
    }
    return Math.max(most / fieldAspect, top + rowHeight);
  };
  return candidates.reduce((best, one) => (extent(one) < extent(best) ? one : best));
}

export type Hit = { kind: 'continuum' } | { kind: 'cluster'; panel: number } | { kind: 'node'; index: number };

/** What lies at a point of the world; null for nothing. */
export function hitAt(layout: FieldLayout, x: number, y: number): Hit | null {
  const inside = (box: Box) => x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height;
  if (inside(layout.continuum)) return { kind: 'continuum' };
  const panel = layout.panels.findIndex(inside);
  const found = layout.panels[panel];
  if (!found) return null;
  const column = Math.floor((x - found.x - padding) / cellPitch);
  const row = Math.floor((y - found.y - found.header) / cellPitch);
  const index = row * found.columns + column;
  const isCell = column >= 0 && column < found.columns && row >= 0 && index < found.count;
  return isCell ? { kind: 'node', index: found.first + index } : { kind: 'cluster', panel };
}

/** The node that an arrow key leads to: the next cell, or the nearest one of another panel beyond the edge. */
export function neighbourOf(layout: FieldLayout, index: number, dx: -1 | 0 | 1, dy: -1 | 0 | 1): number {
  const panel = layout.panels[layout.panelOf[index] ?? 0];
  if (!panel) return index;
  const at = index - panel.first;
  const column = (at % panel.columns) + dx;
  const next = at + dx + dy * panel.columns;
  if (column >= 0 && column < panel.columns && next >= 0 && next < panel.count) return panel.first + next;
  const x = layout.x[index] ?? 0;
  const y = layout.y[index] ?? 0;
  let best = index;
  let least = Number.POSITIVE_INFINITY;
  for (const other of layout.panels) {
    if (other === panel) continue;
    for (let one = other.first; one < other.first + other.count; one++) {
      const alongX = (layout.x[one] ?? 0) - x;
      const alongY = (layout.y[one] ?? 0) - y;
      const ahead = dx * alongX + dy * alongY;
      if (ahead <= 0) continue;
      const distance = ahead + 3 * (dx === 0 ? Math.abs(alongX) : Math.abs(alongY));
      if (distance < least) [best, least] = [one, distance];
    }
  }
  return best;
}
