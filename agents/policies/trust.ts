import { trustIndexSchema } from '../bus/administration.ts';
import type { NodeSituation, Trust, TrustWeights } from './situation.ts';

/** What trust in a node is made of, each 0–1. */
export const trustIndexes = trustIndexSchema.options;
export const equalWeights: TrustWeights = { identity: 1, behaviour: 1, capability: 1 };

export const trustLevel = ({ weights, ...of }: Trust): number => {
  const total = trustIndexes.reduce((sum, index) => sum + weights[index], 0);
  return total === 0 ? 1 : trustIndexes.reduce((sum, index) => sum + weights[index] * of[index], 0) / total;
};

/** What is seen of a node counts half after so long. */
const halfLifeMs = 10 * 60_000;
/** Seconds of good behaviour that a node is given before any is seen. */
const priorS = 30;
/** Kinds of nodes of which the capability is kept. */
const mostCapabilities = 1000;
const clamp = (value: number): number => Math.min(Math.max(value, 0), 1);

/**
 * The reputation of nodes. Identity: does its agent, which has credentials of its own on the bus, speak for it, and was it described as what it is?
 * Behaviour: the share of recent time in which it was there, well and not suspect (a beta reputation with forgetting: Jøsang and Ismail, The beta reputation
 * system, 2002). Capability: how its host compares with the largest of the cluster, and whether it is said to stay.
 */
export class Reputation {
  readonly #capabilities = new Map<string, Capability>();
  readonly #seen = new Map<string, { good: number; bad: number; at: number }>();

  /** Takes note of how nodes are now; to be called about once a second. */
  observe(nodes: readonly NodeSituation[], now: number): void {
    const names = new Set(nodes.map(({ name }) => name));
    for (const name of this.#seen.keys()) if (!names.has(name)) this.#seen.delete(name);
    for (const node of nodes) {
      const seen = this.#seen.get(node.name) ?? { good: 0, bad: 0, at: now };
      const elapsedS = Math.min((now - seen.at) / 1000, 60);
      const keep = 0.5 ** ((now - seen.at) / halfLifeMs);
      const isGood = node.ready && node.heartbeat?.alive !== false && node.suspect === undefined;
      this.#seen.set(node.name, {
        good: keep * seen.good + (isGood ? elapsedS : 0),
        bad: keep * seen.bad + (isGood ? 0 : elapsedS),
        at: now,
      });
    }
  }

  /** How far each of these nodes is trusted; `weightsOf` says what counts for how much with it. */
  assessing(
    nodes: readonly Pick<NodeSituation, 'cores' | 'memoryBytes'>[],
    weightsOf: (node: string) => TrustWeights,
  ): (name: string, cores: number, memoryBytes: number, heartbeat: Heartbeat, description: Description) => Trust {
    const largest = { cores: 1e-9, memoryBytes: 1e-9 };
    for (const { cores, memoryBytes } of nodes) {
      largest.cores = Math.max(largest.cores, cores);
      largest.memoryBytes = Math.max(largest.memoryBytes, memoryBytes);
    }
    return (name, cores, memoryBytes, heartbeat, description) =>
      this.#of({ name, cores, memoryBytes, heartbeat, description }, largest, weightsOf(name));
  }

  /** Worked out anew when the node, or the largest one, is another: seldom, and all nodes are assessed several times a second. */
  #capabilityOf(node: Assessed, largest: Pick<NodeSituation, 'cores' | 'memoryBytes'>): Capability {
    const from = `${node.cores} ${node.memoryBytes} ${node.description?.availability} ${largest.cores} ${largest.memoryBytes}`;
    const before = this.#capabilities.get(from);
    if (before) return before;
    if (this.#capabilities.size >= mostCapabilities) this.#capabilities.clear();
    const capability = capabilityOf(node, largest);
    this.#capabilities.set(from, capability);
    return capability;
  }

  #of(node: Assessed, largest: Pick<NodeSituation, 'cores' | 'memoryBytes'>, weights: TrustWeights): Trust {
    const { good, bad } = this.#seen.get(node.name) ?? { good: 0, bad: 0 };
    const { identity, why } = identityOf(node);
    const { capability, what } = this.#capabilityOf(node, largest);
    return {
      identity,
      // As if half a minute had been good, so that one bad second in the first does not count for everything.
      behaviour: clamp((good + priorS) / (good + bad + priorS)),
      capability,
      weights,
      reasons: {
        identity: why,
        behaviour:
          bad < 0.5 ? 'it has been well all the time' : `it was silent, not ready or suspect for ${Math.round(bad)} s of late`,
        capability: what,
      },
    };
  }
}

/** What of a node its identity and capability are seen by. */
type Heartbeat = NodeSituation['heartbeat'];
type Description = NodeSituation['description'];
type Assessed = Pick<NodeSituation, 'name' | 'cores' | 'memoryBytes'> & { heartbeat: Heartbeat; description: Description };
interface Capability {
  capability: number;
  what: string;
}

function identityOf({ heartbeat, description }: Assessed): { identity: number; why: string } {
  if (!heartbeat) return { identity: 0, why: 'no agent with credentials of its own speaks for it' };
  return description
    ? { identity: 1, why: 'its own agent speaks for it, and it was described when it was provisioned' }
    : { identity: 0.5, why: 'its own agent speaks for it, but it was never described' };
}

function capabilityOf(
  { cores, memoryBytes, description }: Assessed,
  largest: Pick<NodeSituation, 'cores' | 'memoryBytes'>,
): Capability {
  const stays = description?.availability === 'transient' ? 0.5 : 1;
  const capability = clamp(((cores / largest.cores + memoryBytes / largest.memoryBytes) / 2) * stays);
  const what = `${cores} cores and ${Math.round(memoryBytes / 1e9)} GB beside the largest of the cluster${stays < 1 ? '; it comes and goes' : ''}`;
  return { capability, what };
}
