import { create } from 'zustand';

export type Selection =
  | { kind: 'continuum' }
  | { kind: 'cluster'; name: string }
  | { kind: 'node'; name: string }
  | { kind: 'component'; application: string; name: string; node: string };

/** What is selected in the topology; graph and table share it. */
export const useSelection = create<{ selection: Selection | null }>(() => ({ selection: null }));

export const select = (selection: Selection | null): void => useSelection.setState({ selection });

export const isSelected = (selection: Selection | null, other: Selection): boolean =>
  selection !== null && JSON.stringify(selection) === JSON.stringify(other);
