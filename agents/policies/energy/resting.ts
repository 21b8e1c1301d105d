import { z } from 'zod';
import { add, constant, divide, type Expression, multiply, premise, subtract } from '../../decision/expression.ts';
import type { Json } from '../../mechanisms/mechanism.ts';
import type { Option, PolicyInput, Proposal, Trigger } from '../policy.ts';
import type { PremiseBook } from '../premise-book.ts';
import type { ClusterSituation, NodeSituation } from '../situation.ts';

const mechanism = 'CPUFrequencyConfigurator';
const stateSchema = z.array(z.object({ frequency_hz: z.number().nullable(), max_hz: z.number().nullish() })).min(1);
const optionsSchema = z.array(z.object({ min: z.number().positive(), max: z.number().positive() })).min(1);

/** What a node's processors may run at, GHz: as they are set now, and the least and most that can be set. */
interface Range {
  now: number;
  lowest: number;
  highest: number;
}

/** undefined where no frequency can be set: none there, or not permitted. */
function rangeOf({ mechanisms }: NodeSituation): Range | undefined {
  const view = mechanisms?.[mechanism];
  const [state, options] = [stateSchema.safeParse(view?.state), optionsSchema.safeParse(view?.options)];
  if (!state.success || !options.success) return undefined;
  // Processors that idle clock low of themselves: what counts is how high they may go.
  const now = Math.max(...state.data.map(({ max_hz, frequency_hz }) => max_hz ?? frequency_hz ?? 0)) / 1e9;
  const [lowest, highest] = [Math.min(...options.data.map(({ min }) => min)), Math.max(...options.data.map(({ max }) => max))];
  return { now, lowest: lowest / 1e9, highest: highest / 1e9 };
}

const isLow = ({ now, lowest, highest }: Range): boolean => now < lowest + 0.02 * (highest - lowest);

/**
 * Nodes without components, which run at their lowest frequency until one comes: the nearest to sleeping that a node with an agent gets. It knows those that
 * rest by having seen them: a restart loses nothing, and who else slows a node that works is left alone.
 */
export class Resting {
  readonly #seen = new Set<string>();

  observe({ view }: PolicyInput<ClusterSituation>): void {
    for (const node of view.nodes) {
      const range = rangeOf(node);
      if (!range) continue;
      const isEmpty = componentsOn(view, node.name) === 0;
      if (isEmpty && isLow(range)) this.#seen.add(node.name);
      else if (!isLow(range)) this.#seen.delete(node.name);
    }
  }

  /** Whether its readings are of resting, and say nothing of how it works. */
  rests(node: string): boolean {
    return this.#seen.has(node);
  }

  /** Nodes that rest though they have work, or are not to rest any more. */
  needed({ view }: PolicyInput<ClusterSituation>, mayRest: boolean): Trigger[] {
    return view.nodes
      .filter(({ name, heartbeat }) => this.#seen.has(name) && heartbeat?.alive && (!mayRest || componentsOn(view, name) > 0))
      .map(({ name }) => ({
        kind: 'node-needed',
        text: mayRest ? `${name} rests though it has work` : `${name} rests though none is to`,
        component: name,
      }));
  }

  /** Nodes that could rest. */
  empty({ view }: PolicyInput<ClusterSituation>): Trigger[] {
    return view.nodes.flatMap((node): Trigger[] => {
      const range = rangeOf(node);
      if (!range || isLow(range) || !node.heartbeat?.alive || componentsOn(view, node.name) > 0) return [];
      return [{ kind: 'node-empty', text: `${node.name} has no components`, component: node.name }];
    });
  }
}

/** Pinned there, or still ending there. */
const componentsOn = ({ components }: ClusterSituation, name: string): number =>
  components.filter(({ pin, pods }) => pin === name || pods.some(({ node }) => node === name)).length;

export interface NodePower {
  idleW: number;
  /** Premise-based power over idling at the load of now, W. */
  overIdle: Expression;
  deviation: number;
}

/** Whether an empty node goes to its lowest frequency, or one that is needed gets its own back; undefined when there is no such node. */
export function restingProposal(
  { view }: PolicyInput<ClusterSituation>,
  { kind, component: name }: Trigger,
  book: PremiseBook,
  power: NodePower | undefined,
  { margin, horizonS }: { margin: number; horizonS: number },
): Proposal | undefined {
  const node = view.nodes.find((one) => one.name === name);
  const range = node && rangeOf(node);
  if (!node || !range) return undefined;
  const options = kind === 'node-needed' ? waking(node, range, book) : power && resting(node, range, book, power);
  if (!options) return undefined;
  const query = { metric: 'power_w', node: node.name, component: '' };
  return {
    premises: book.premises,
    readings: book.readings,
    options,
    stay: 'stay',
    neededMargin: kind === 'node-needed' ? 0 : margin,
    coolDownS: 0,
    horizonS,
    commands: ({ action }) => (action.kind === 'command' ? [{ mechanism: action.mechanism, command: action.command }] : []),
    ...(power && {
      outcome: {
        metric: 'power_w',
        unit: 'W',
        query,
        term: { name: 'Energy', expression: divide(subtract(power.idleW, premise('actual')), power.idleW) },
      },
    }),
  };
}

function waking({ name }: NodeSituation, range: Range, book: PremiseBook): Option[] {
  const now = book.fact('frequency', `Frequency of ${name}`, range.now, 'GHz', `${mechanism} of ${name}`, [
    range.lowest,
    range.highest,
  ]);
  const slow = subtract(1, divide(now, range.highest));
  return [
    {
      id: 'stay',
      label: `Let ${name} rest on`,
      action: { kind: 'stay', host: name },
      predicted: [],
      terms: [{ name: 'Slow', expression: multiply(-1, slow) }],
    },
    {
      id: 'wake',
      label: `Give ${name} its frequency back`,
      action: onNode(name, { command: 'reset', cpu: 'all' }),
      predicted: [],
      terms: [{ name: 'Slow', expression: constant(0) }],
    },
  ];
}

function resting({ name }: NodeSituation, range: Range, book: PremiseBook, { idleW, overIdle, deviation }: NodePower): Option[] {
  const assumed = 'assumption: volts fall about as the root of the frequency does';
  const left = book.fact('left', 'Share of the power over idling that is left', range.lowest / range.now, '', assumed, [0, 1]);
  const at = (share: Expression): Pick<Option, 'predicted' | 'terms'> => ({
    predicted: [{ metric: 'power_w', unit: 'W', deviation, expression: add(idleW, multiply(share, overIdle)) }],
    terms: [{ name: 'Energy', expression: multiply(-1, divide(multiply(share, overIdle), idleW)) }],
  });
  const told = { command: 'set', cpu: 'all', frequency: 'min' };
  return [
    { id: 'stay', label: `Keep ${name} at ${range.now} GHz`, action: { kind: 'stay', host: name }, ...at(constant(1)) },
    { id: 'rest', label: `Rest ${name} at ${range.lowest} GHz`, action: onNode(name, told), ...at(left) },
  ];
}

const onNode = (node: string, command: Json): Option['action'] => ({
  kind: 'command',
  mechanism: 'onNode',
  command: { node, mechanism, command },
});
