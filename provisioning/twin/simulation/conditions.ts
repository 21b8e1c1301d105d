import type { Machines } from './machines.ts';
import type { LinkSpec, Network } from './network.ts';

/** What is wrong with a node for one cause; causes add up, and each heals by itself. */
export interface Disturbance {
  /** Share of its speed that is left, (0, 1]. */
  speed?: number;
  /** Share of its processors taken by something that no component accounts for, 0–1. */
  steals?: number;
  /** Share of packets on its link that are lost, 0–1. */
  loses?: number;
  /** Its link carries nothing. */
  cut?: boolean;
}

/** Its link as its distance to a gateway makes it. */
export interface LinkShape extends LinkSpec {
  cut: boolean;
}

export interface NodeState {
  up: boolean;
  /** Whether anything gets through its link. */
  reachable: boolean;
}

export interface ConditionsOptions {
  machines: Machines;
  network: Network;
  places: readonly number[];
  indexOf(node: string): number;
  /** A node has changed: its speed, or whether it is up. */
  onNode(at: number): void;
  /** A node's link has changed. */
  onLink(at: number): void;
}

/** What befalls nodes and their links. The physics only see the sum of it; who causes what is known here, so that of two causes at once the one that ends first does not heal the other. */
export class Conditions {
  readonly #options: ConditionsOptions;
  readonly #offBecause = new Map<number, Set<string>>();
  readonly #disturbed = new Map<number, Map<string, Disturbance>>();
  readonly #shapes = new Map<number, LinkShape>();
  readonly #listeners = new Set<(node: string, state: NodeState) => void>();

  constructor(options: ConditionsOptions) {
    this.#options = options;
  }

  /** Told when a node goes down or comes back, or its link does. */
  onChange(listener: (node: string, state: NodeState) => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => void this.#listeners.delete(listener) };
  }

  stateOf(node: string): NodeState {
    return this.#state(this.#options.indexOf(node));
  }

  /** Takes a node off for a cause, or takes that cause away; it is up when nothing keeps it off. @throws RangeError */
  setUp(node: string, isUp: boolean, cause: string): void {
    const at = this.#options.indexOf(node);
    this.#telling(node, at, () => {
      const causes = this.#offBecause.get(at) ?? new Set();
      this.#offBecause.set(at, causes);
      if (isUp) causes.delete(cause);
      else causes.add(cause);
      const { machines } = this.#options;
      const up = causes.size === 0 ? 1 : 0;
      if (machines.up[at] === up) return;
      machines.up[at] = up;
      this.#options.onNode(at);
    });
  }

  /** @param disturbance null ends it @throws RangeError */
  disturb(node: string, cause: string, disturbance: Disturbance | null): void {
    const at = this.#options.indexOf(node);
    this.#telling(node, at, () => {
      const all = this.#disturbed.get(at) ?? new Map<string, Disturbance>();
      this.#disturbed.set(at, all);
      if (disturbance) all.set(cause, disturbance);
      else all.delete(cause);
      const { machines } = this.#options;
      const health = product([...all.values()].map(({ speed = 1 }) => speed));
      const stolen = [...all.values()].reduce((sum, { steals = 0 }) => sum + steals, 0) * machines.cores[at]!;
      if (machines.health[at] !== health || machines.stolen[at] !== stolen) {
        machines.health[at] = health;
        machines.stolen[at] = stolen;
        this.#options.onNode(at);
      }
      if (disturbance === null || disturbance.cut || disturbance.loses) this.#relink(at);
    });
  }

  /** The only link of a node. @throws RangeError when it has none, or several */
  accessLink(node: string): number {
    return this.#options.network.onlyLink(this.#options.places[this.#options.indexOf(node)]!);
  }

  /** Its link is now like this, apart from what disturbs it. */
  shapeLink(node: string, shape: LinkShape): void {
    const at = this.#options.indexOf(node);
    this.#telling(node, at, () => {
      this.#shapes.set(at, shape);
      this.#relink(at);
    });
  }

  #relink(at: number): void {
    const { network, places } = this.#options;
    const id = network.onlyLink(places[at]!);
    const shape = this.#shapes.get(at) ?? { ...network.link(id), cut: false };
    // As it is without anything wrong: kept, so that it comes back.
    this.#shapes.set(at, shape);
    const wrong = [...(this.#disturbed.get(at)?.values() ?? [])];
    const arrives = (1 - (shape.loss ?? 0)) * product(wrong.map(({ loses = 0 }) => 1 - loses));
    const { latencyMs, bytesPerSecond } = shape;
    network.change(id, { latencyMs, bytesPerSecond, loss: 1 - arrives, up: this.#reachable(at) });
    this.#options.onLink(at);
  }

  #telling(node: string, at: number, change: () => void): void {
    const before = this.#state(at);
    change();
    const after = this.#state(at);
    if (after.up === before.up && after.reachable === before.reachable) return;
    for (const listener of [...this.#listeners]) listener(node, after);
  }

  #state(at: number): NodeState {
    return { up: this.#options.machines.up[at] === 1, reachable: this.#reachable(at) };
  }

  #reachable(at: number): boolean {
    if (this.#shapes.get(at)?.cut) return false;
    // Asked at each message of each node.
    for (const { cut } of this.#disturbed.get(at)?.values() ?? []) if (cut) return false;
    return true;
  }
}

const product = (values: readonly number[]): number => values.reduce((all, value) => all * value, 1);
