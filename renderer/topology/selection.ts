import { create } from 'zustand';
import { testIds } from '../test-ids.ts';

export type Selection =
  | { kind: 'continuum' }
  | { kind: 'cluster'; name: string }
  | { kind: 'node'; name: string }
  | { kind: 'component'; application: string; name: string; node: string };

/** What is selected in the topology; graph and table share it. */
export const useSelection = create<{ selection: Selection | null }>(() => ({ selection: null }));

export const select = (selection: Selection | null): void => useSelection.setState({ selection });

/** Of what is selected, as it stands in the document. */
export const elementOf = (selection: Selection): string => {
  switch (selection.kind) {
    case 'continuum':
      return testIds.continuum;
    case 'cluster':
      return testIds.cluster(selection.name);
    case 'node':
      return testIds.node(selection.name);
    case 'component':
      return testIds.component(selection.name, selection.node);
  }
};

export const isSelected = (selection: Selection | null, other: Selection): boolean =>
  selection !== null && JSON.stringify(selection) === JSON.stringify(other);
