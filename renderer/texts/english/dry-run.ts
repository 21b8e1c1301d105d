import { counted, formOf, listed, nouns } from './words.ts';

const origins = { described: 'described', measured: 'measured', assumed: 'assumed' } as const;
const minuteForms = { one: 'minute', other: 'minutes' };

/** A policy tried ahead of time in a twin. */
export const dryRun = {
  title: 'Dry run in the twin',
  help: 'from the present state on; the testbed is only looked at',
  what: 'What is tried',
  asWritten: 'As it stands here',
  without: 'Without it',
  time: 'Simulated time',
  minutes: (minutes: number): string =>
    minutes < 60 ? counted(minutes, minuteForms) : counted(minutes / 60, { one: 'hour', other: 'hours' }),
  start: 'Start',
  cancel: 'Cancel',
  reading: 'Reading the present state…',
  going: {
    candidate: 'Simulating with the change…',
    present: 'Simulating as it is…',
  },
  read: ({ nodes, components, readings }: { nodes: number; components: number; readings: number }): string =>
    `${counted(nodes, nouns.node)}, ${counted(components, { one: 'component', other: 'components' })}, ${counted(readings, { one: 'reading', other: 'readings' })} of the last ten minutes`,
  asItIs: 'As it is',
  changed: 'With the change',
  /** The whole outcome in one sentence. */
  outcome: ({
    over,
    moves,
    savedPercent,
  }: {
    /** Components whose time over target differs, as told by `overWords`. */
    over: readonly string[];
    moves: readonly [number, number];
    savedPercent: number;
  }): string => {
    const [before, after] = moves;
    const parts = [
      ...over,
      ...(before === after
        ? []
        : [
            `there ${formOf(after, { one: 'is', other: 'are' })} ${counted(after, { one: 'move', other: 'moves' })} instead of ${before}`,
          ]),
      ...(Math.abs(savedPercent) < 0.1
        ? []
        : [`the nodes take ${Math.abs(savedPercent).toFixed(1)} % ${savedPercent > 0 ? 'less' : 'more'} energy`]),
    ];
    return parts.length === 0 ? 'The change changes nothing that is measured.' : `With the change, ${listed(parts)}.`;
  },
  overWords: (component: string, after: string, before: string): string =>
    `${component} is over its target for ${after} of the time instead of ${before}`,
  overTarget: (component: string, target: string): string => `${component} over ${target}`,
  notSimulated: 'not simulated',
  mean: (mean: string, worst: string): string => `mean ${mean}, at worst ${worst}`,
  energy: 'Energy',
  energyHelp: 'all nodes of the cluster',
  changes: 'Moves and other changes',
  decided: (decided: number, acts: number): string =>
    `${counted(decided, nouns.decision)}, ${acts} of them ${formOf(acts, { one: 'an act', other: 'acts' })}`,
  failedPlans: (plans: number): string => `${counted(plans, { one: 'plan', other: 'plans' })} failed`,
  chart: (component: string, metric: string): string => `${metric} of ${component}`,
  target: (target: string): string => `target ${target}`,
  decisions: 'What was decided',
  show: 'Show',
  acts: 'Acts',
  all: 'All',
  noActs: 'Nothing is changed.',
  noDecisions: 'Nothing is decided.',
  differs: 'From here on the two differ.',
  more: (left: number): string => `and ${left} more`,
  wentWrong: 'Went wrong',
  printed: 'What it printed',
  madeOf: 'What was simulated',
  origin: (origin: keyof typeof origins): string => origins[origin],
  origins: (counts: Record<keyof typeof origins, number>): string =>
    listed(
      (['described', 'measured', 'assumed'] as const)
        .filter((one) => counts[one] > 0)
        .map((one) => `${counts[one]} ${origins[one]}`),
    ),
  parameter: 'Parameter',
  value: 'Value',
  of: 'Of',
  from: 'From',
  andMore: (name: string, others: number): string => `${name} and ${others} more`,
  simulated: (minutes: string, seed: number, took: string): string =>
    `${minutes} simulated on both sides with the seed ${seed}, in ${took}`,
};
