import type { Topology } from '../state/types.ts';
import type { Selection } from './selection.ts';

/** What a name means in a topology: an exact name first, then one that begins with it, then one that has it; nodes before clusters before components. */
export function findInTopology(topology: Pick<Topology, 'nodes' | 'clusters' | 'applications'>, text: string): Selection | null {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return null;
  const named: { name: string; selection: Selection }[] = [
    ...topology.nodes.map(({ name }) => ({ name, selection: { kind: 'node' as const, name } })),
    ...topology.clusters.map(({ name }) => ({ name, selection: { kind: 'cluster' as const, name } })),
    ...topology.applications.flatMap(({ application, components }) =>
      components.flatMap(({ name, node }) =>
        node === null ? [] : [{ name, selection: { kind: 'component' as const, application, name, node } }],
      ),
    ),
  ];
  const first = (fits: (name: string) => boolean) => named.find(({ name }) => fits(name.toLowerCase()))?.selection;
  return (
    first((name) => name === wanted) ?? first((name) => name.startsWith(wanted)) ?? first((name) => name.includes(wanted)) ?? null
  );
}
