import type { Behaviours } from '../simulation/behaviour.ts';
import type { SimulatedNode } from '../simulation/processors.ts';
import type { Topology } from '../simulation/world.ts';
import { behavioursFor } from './behaviours.ts';
import { networkOf } from './links.ts';
import { simulatedNodes } from './nodes.ts';
import { ParameterBook } from './parameters.ts';
import { Past } from './past.ts';
import type { Present } from './present.ts';
import type { Parameter } from './result.ts';

/** What of a cluster is simulated, and what it was set by. The network is made anew for each run, as it carries what goes over it. */
export interface Model {
  nodes: SimulatedNode[];
  network: () => Topology;
  behaviours: Behaviours;
  parameters: Parameter[];
  notes: string[];
}

export function modelOf(present: Present): Model {
  const past = new Past(present.past);
  const book = new ParameterBook();
  const nodes = simulatedNodes(present, past, book);
  const names = nodes.map(({ name }) => name);
  const ghz = new Map(nodes.map((node) => [node.name, node.ghz]));
  const highest = Math.max(...ghz.values());
  networkOf(names, past, book);
  const behaviours = behavioursFor({ present, past, book, ghzOf: (node) => ghz.get(node) ?? highest });
  return {
    nodes,
    network: () => networkOf(names, past, new ParameterBook()),
    behaviours,
    parameters: book.rows,
    notes: notesOf(present),
  };
}

function notesOf(present: Present): string[] {
  const section = present.twin?.section;
  const surroundings = section?.nodes.some(({ moves, battery, solarW }) => moves || battery || solarW !== undefined);
  const hasFailures = section && section.failures.planned.length + section.failures.random.length > 0;
  const silent = present.nodes.filter(({ agentAlive }) => !agentAlive).map(({ name }) => name);
  const apart = present.applications.flatMap(({ description, components }) =>
    Object.entries(components).flatMap(([component, node]) => (node === null ? [`${component} of ${description.name}`] : [])),
  );
  const leftOut = [...new Set(present.agents.flatMap((agent) => agent.leftOut))];
  return [
    `The cluster ${present.cluster} alone is simulated, as one switch with its nodes around it.`,
    'Agents begin without what they have learnt, and without cool-downs that are running.',
    ...(leftOut.length > 0
      ? [
          `Both sides go without ${listed(leftOut)}: what hosts hold in Python could read this computer’s files. Give it as the file to be tried to run it here.`,
        ]
      : []),
    'A container’s image has no effect on its times.',
    ...(surroundings ? ['Movement, batteries and solar power of the twin are left out.'] : []),
    ...(hasFailures ? ['Failures that the twin plans are left out.'] : []),
    ...(silent.length > 0 ? [`No agent speaks for ${listed(silent)}: nothing is heard from there.`] : []),
    ...(apart.length > 0 ? [`${listed(apart)} did not run, and is placed by the policies.`] : []),
  ];
}

const listed = (names: readonly string[]): string =>
  names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
