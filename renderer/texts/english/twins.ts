import { counted, nouns } from './words.ts';

/** Twins and what they simulate. */
export const twins = {
  others: 'Other twins',
  title: 'Other twins',
  help: 'Each is a file that says what is simulated: take one as it is, or open one of your own.',
  open: 'Open a file…',
  start: 'Start',
  startNamed: (name: string): string => `Start ${name}`,
  startAnother: 'Start another',
  show: 'Show',
  showNamed: (name: string): string => `Show ${name}`,
  size: (nodes: number, clusters: number): string => `${counted(nodes, nouns.node)} in ${counted(clusters, nouns.cluster)}`,
};
