import type { Host, Testbed } from '../testbed/schema.ts';
import type { CellState } from './events.ts';
import type { Work } from './overhead.ts';
import type { Phase } from './phase.ts';

/** One phase on one host: the square of the run page. */
export interface Cell extends Work {
  phase: Phase;
  host: Host;
  /** What must have been done first. */
  needs: Cell[];
  after: Work[];
  state: CellState;
  /** How often its host had been restarted in this run when it was last done. */
  restarts: number;
  /** What was last told of each of its steps, by id. */
  told: Map<string, 'running' | 'changed' | 'in-place' | 'failed'>;
  /** Steps that changed something here. */
  changed: number;
  inPlace: number;
  hostMs: number;
}

/**
 * A cell for every phase on every host. What a cell needs: what its phase says, or else every earlier phase on its own host. `roots` are what
 * came before the recipe on each host.
 */
export function makeCells(phases: readonly Phase[], testbed: Testbed, roots: ReadonlyMap<string, Work>): Cell[] {
  const cells: Cell[] = phases.flatMap((phase) =>
    testbed.hosts.map((host): Cell => {
      const root = roots.get(host.name);
      return {
        phase,
        host,
        needs: [],
        after: root ? [root] : [],
        state: 'waiting' as const,
        restarts: 0,
        told: new Map(),
        changed: 0,
        inPlace: 0,
        hostMs: 0,
      };
    }),
  );
  const find = (phase: string, host: string) => cells.find((cell) => cell.phase.id === phase && cell.host.name === host);
  for (const cell of cells) {
    const { phase, host } = cell;
    const named = phase.needs?.(host, testbed).flatMap((need) => find(need.phase, need.host) ?? []);
    cell.needs = named ?? phases.slice(0, phases.indexOf(phase)).flatMap((earlier) => find(earlier.id, host.name) ?? []);
    cell.after.push(...cell.needs);
  }
  refuseCircles(cells);
  return cells;
}

/** The same, for taking down: a cell waits for those that were built on it. */
export function reverseCells(cells: readonly Cell[], roots: ReadonlyMap<string, Work>): Cell[] {
  const reversed = new Map(cells.map((cell) => [cell, { ...cell, told: new Map(), needs: [] as Cell[], after: [] as Work[] }]));
  for (const cell of cells) {
    for (const need of cell.needs) {
      const later = reversed.get(cell)!;
      reversed.get(need)?.needs.push(later);
    }
  }
  for (const cell of reversed.values()) {
    const root = roots.get(cell.host.name);
    cell.after = [...cell.needs, ...(root ? [root] : [])];
  }
  return [...reversed.values()].reverse();
}

/** Whether anything that this cell is built on has changed in this run. */
export function builtOnChange(cell: Cell, seen = new Set<Cell>()): boolean {
  if (seen.has(cell)) return false;
  seen.add(cell);
  return cell.needs.some((need) => need.changed > 0 || builtOnChange(need, seen));
}

/** @throws Error: a recipe whose phases wait for one another can never run. */
function refuseCircles(cells: readonly Cell[]): void {
  const done = new Set<Cell>();
  const visit = (cell: Cell, path: Cell[]): void => {
    if (done.has(cell)) return;
    if (path.includes(cell)) {
      const names = [...path.slice(path.indexOf(cell)), cell].map((one) => `${one.phase.id} on ${one.host.name}`);
      throw new Error(`phases wait for one another: ${names.join(' → ')}`);
    }
    for (const need of cell.needs) visit(need, [...path, cell]);
    done.add(cell);
  };
  for (const cell of cells) visit(cell, []);
}
