import { readingOf } from '../../state/headline.ts';
import type { Topology } from '../../state/types.ts';
import { busyShare } from '../facts.ts';
import type { FieldLayout } from './field-layout.ts';

/** How a node stands: at once what its shape says. */
export const standings = { ready: 0, busy: 1, unknown: 2, down: 3 } as const;
/** What cells are shaded by. */
export type FieldMeasure = 'load' | 'power' | 'trust';

/** Shades from none to full; a cell is drawn in one of them. */
export const shades = 8;

/** Figures of all nodes, by index of the layout, as flat columns: written once a picture, read each frame. */
export interface FieldFigures {
  /** 0–1 of what is shown; NaN where nobody told. */
  share: Float32Array;
  value: Float32Array;
  cpu: Float32Array;
  power: Float32Array;
  standing: Uint8Array;
  components: Uint16Array;
  /** Indices in the order of their shade, so that a colour is set once; `shadeStart[s]` begins shade s, shade `shades` is that of the unknown. */
  order: Uint32Array;
  shadeStart: Uint32Array;
}

export function readFigures(topology: Topology, layout: FieldLayout, measure: FieldMeasure): FieldFigures {
  const count = layout.nodes.length;
  const figures: FieldFigures = {
    share: new Float32Array(count),
    value: new Float32Array(count),
    cpu: new Float32Array(count),
    power: new Float32Array(count),
    standing: new Uint8Array(count),
    components: new Uint16Array(count),
    order: new Uint32Array(count),
    shadeStart: new Uint32Array(shades + 2),
  };
  // The layout may be of an earlier picture with the same names: what each node is like now is read from this one.
  const ready = new Map(topology.nodes.map((node) => [node.name, node.ready]));
  const placed = new Map<string, number>();
  for (const { components } of topology.applications)
    for (const { node } of components) if (node !== null) placed.set(node, (placed.get(node) ?? 0) + 1);
  let mostPower = 1;
  for (const [index, { name }] of layout.nodes.entries()) {
    const cpu = readingOf(topology, 'cpu_used_ratio', name)?.value ?? Number.NaN;
    const power = readingOf(topology, 'power_w', name)?.value ?? Number.NaN;
    figures.cpu[index] = cpu;
    figures.power[index] = power;
    figures.components[index] = placed.get(name) ?? 0;
    const isReady = ready.get(name) ?? null;
    figures.standing[index] =
      isReady === false
        ? standings.down
        : isReady === null
          ? standings.unknown
          : cpu >= busyShare
            ? standings.busy
            : standings.ready;
    if (power > mostPower) mostPower = power;
    figures.value[index] =
      measure === 'load' ? cpu : measure === 'power' ? power : (readingOf(topology, 'trust_level', name)?.value ?? Number.NaN);
  }
  const full = measure === 'power' ? mostPower : 1;
  for (let index = 0; index < count; index++) figures.share[index] = (figures.value[index] ?? Number.NaN) / full;
  sortByShade(figures);
  return figures;
}

/** 0 … shades − 1, or `shades` for what is not known. */
export const shadeOf = (share: number): number =>
  Number.isNaN(share) ? shades : Math.min(shades - 1, Math.max(0, Math.floor(share * shades)));

/** Counting sort. */
function sortByShade({ share, order, shadeStart }: FieldFigures): void {
  for (const one of share) shadeStart[shadeOf(one) + 1]!++;
  for (let shade = 1; shade < shadeStart.length; shade++) shadeStart[shade]! += shadeStart[shade - 1]!;
  const next = shadeStart.slice();
  for (let index = 0; index < share.length; index++) order[next[shadeOf(share[index]!)]!++] = index;
}

export interface Tile {
  column: number;
  row: number;
  /** Mean share of the nodes in it that told; NaN when none did. */
  share: number;
  down: number;
  busy: number;
}

/** A panel in tiles of `block` × `block` cells: what is drawn when single cells would be smaller than can be seen. */
export function aggregate(
  figures: Pick<FieldFigures, 'share' | 'standing'>,
  panel: { first: number; count: number; columns: number },
  block: number,
): Tile[] {
  const perRow = Math.ceil(panel.columns / block);
  const tiles = new Map<number, Tile & { sum: number; told: number }>();
  for (let at = 0; at < panel.count; at++) {
    const column = Math.floor((at % panel.columns) / block);
    const row = Math.floor(Math.floor(at / panel.columns) / block);
    let tile = tiles.get(row * perRow + column);
    if (!tile) {
      tile = { column, row, share: Number.NaN, down: 0, busy: 0, sum: 0, told: 0 };
      tiles.set(row * perRow + column, tile);
    }
    const share = figures.share[panel.first + at] ?? Number.NaN;
    if (!Number.isNaN(share)) {
      tile.sum += share;
      tile.told++;
      tile.share = tile.sum / tile.told;
    }
    const standing = figures.standing[panel.first + at];
    if (standing === standings.down) tile.down++;
    else if (standing === standings.busy) tile.busy++;
  }
  return [...tiles.values()];
}

export interface PanelSummary {
  ready: number;
  down: number;
  busy: number;
  /** Mean processor share of the nodes that told; null when none did. */
  cpu: number | null;
  /** Sum over its nodes; null as soon as one is silent, because a partial sum would mislead. */
  power: number | null;
}

export function summarisePanel(figures: FieldFigures, { first, count }: { first: number; count: number }): PanelSummary {
  let ready = 0;
  let down = 0;
  let busy = 0;
  let cpu = 0;
  let told = 0;
  let power = 0;
  for (let index = first; index < first + count; index++) {
    const standing = figures.standing[index];
    if (standing === standings.down) down++;
    else if (standing !== standings.unknown) ready++;
    if (standing === standings.busy) busy++;
    const share = figures.cpu[index] ?? Number.NaN;
    if (!Number.isNaN(share)) {
      cpu += share;
      told++;
    }
    power += figures.power[index] ?? Number.NaN;
  }
  return { ready, down, busy, cpu: told > 0 ? cpu / told : null, power: count > 0 && !Number.isNaN(power) ? power : null };
}
