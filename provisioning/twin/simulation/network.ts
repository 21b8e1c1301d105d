import { Column } from './columns.ts';

/** One link between two places, the same in both directions. */
export interface LinkSpec {
  /** One way, ms. */
  latencyMs: number;
  bytesPerSecond: number;
  /** Share of packets that are lost and sent again, 0–1. */
  loss?: number;
}

/** The way of a flow: the links it goes over, in order. Empty between two components of one node. */
export type Route = readonly number[];

/** Beyond this share of what a link carries, waiting no longer grows: more is dropped instead. */
const fullest = 0.95;

/**
 * Links between places (nodes, switches, gateways) as a graph. Routes are the shortest by latency. Places with one link alone, as most nodes
 * are, take no part in the search: their link is put before and after the way between what they hang on. So they may move without the
 * ways between the others being searched anew.
 */
export class Network {
  readonly #ends: [number, number][] = [];
  readonly #latencyMs = new Column();
  readonly #bytesPerSecond = new Column();
  readonly #loss = new Column();
  /** What goes over it now, bytes/s. */
  readonly #loads = new Column();
  readonly #up = new Column();
  readonly #linksAt: number[][] = [];
  /** Of a search from a place: the link by which each other one is reached. */
  readonly #trees = new Map<number, Map<number, number>>();
  /** Raised when routes may have changed. */
  version = 0;

  addPlace(): number {
    this.#linksAt.push([]);
    return this.#linksAt.length - 1;
  }

  get places(): number {
    return this.#linksAt.length;
  }

  get links(): number {
    return this.#ends.length;
  }

  /** @throws RangeError for a link to itself or of no capacity. */
  connect(from: number, to: number, spec: LinkSpec): number {
    if (from === to || !this.#linksAt[from] || !this.#linksAt[to]) throw new RangeError(`no link can join ${from} and ${to}`);
    if (!(spec.latencyMs >= 0 && spec.bytesPerSecond > 0)) throw new RangeError('a link has a latency and carries something');
    const id = this.#ends.push([from, to]) - 1;
    for (const column of [this.#latencyMs, this.#bytesPerSecond, this.#loss, this.#loads, this.#up]) column.reach(id);
    this.#set(id, { loss: 0, up: true, ...spec });
    this.#linksAt[from].push(id);
    this.#linksAt[to].push(id);
    this.#rerouted();
    return id;
  }

  /** What a link is like now; `load` is what goes over it, bytes/s. */
  link(id: number): Readonly<Link> {
    const ends = this.#ends[id];
    if (!ends) throw new RangeError(`there is no link ${id}`);
    return {
      ends,
      latencyMs: this.#latencyMs.values[id]!,
      bytesPerSecond: this.#bytesPerSecond.values[id]!,
      loss: this.#loss.values[id]!,
      load: this.#loads.values[id]!,
      up: this.#up.values[id] === 1,
    };
  }

  /** The link of a place that has one alone. @throws RangeError */
  onlyLink(place: number): number {
    const [id, another] = this.#linksAt[place] ?? [];
    if (id === undefined || another !== undefined) throw new RangeError(`place ${place} has not one link alone`);
    return id;
  }

  /** Changes a link. Other ways are sought only for what has a choice: a place with this link alone has none. */
  change(id: number, spec: Partial<LinkSpec> & { up?: boolean }): void {
    const { up } = this.link(id);
    const matters = (spec.up !== undefined && spec.up !== up) || spec.latencyMs !== undefined;
    this.#set(id, spec);
    if (matters && !this.#isOnly(id)) this.#rerouted();
  }

  /** Hangs a place with one link on another one, as when a mobile node comes into another coverage. */
  rehang(id: number, place: number, onto: number): void {
    const { ends } = this.link(id);
    const former = ends[0] === place ? ends[1] : ends[0];
    if (former === onto) return;
    if (!this.#linksAt[onto] || onto === place) throw new RangeError(`place ${place} cannot hang on ${onto}`);
    this.#linksAt[former] = this.#linksAt[former]!.filter((other) => other !== id);
    this.#linksAt[onto].push(id);
    this.#ends[id] = [place, onto];
    this.version++;
  }

  /** The shortest way by latency, or null when there is none. A place's only link is part of its ways even when it is cut: see `delivered`. */
  route(from: number, to: number): Route | null {
    if (from === to) return [];
    const [head, start] = this.#inward(from);
    const [tail, end] = this.#inward(to);
    if (start === null || end === null) return null;
    if (head !== undefined && head === tail) return [head];
    // One of the two hangs on the other.
    if (start === to) return head === undefined ? null : [head];
    if (end === from) return tail === undefined ? null : [tail];
    const middle = this.#between(start, end);
    if (!middle) return null;
    return [...(head === undefined ? [] : [head]), ...middle, ...(tail === undefined ? [] : [tail])];
  }

  /** Puts more or (negative) less on every link of a way, bytes/s. */
  load(route: Route, bytesPerSecond: number): void {
    for (const id of route) this.#loads.values[id]! += bytesPerSecond;
  }

  /** Share of what is sent that arrives: a link that is asked for more than it carries drops the rest, one that is cut everything. */
  delivered(route: Route): number {
    let share = 1;
    for (const id of route) {
      if (this.#up.values[id] === 0) return 0;
      const load = this.#loads.values[id]!;
      const most = this.#bytesPerSecond.values[id]!;
      if (load > most) share *= most / load;
    }
    return share;
  }

  /**
   * Time of one message, ms: the links' latencies, the transfer at the narrowest of them, waiting for the others' messages (1/(1 − ρ), as in
   * M/M/1), and a round trip for each packet that must be sent again.
   */
  messageMs(route: Route, bytes: number): number {
    let latencyMs = 0;
    let transferMs = 0;
    let arrives = 1;
    for (const id of route) {
      latencyMs += this.#latencyMs.values[id]!;
      const most = this.#bytesPerSecond.values[id]!;
      const rate = most * (1 - Math.min(this.#loads.values[id]! / most, fullest));
      transferMs = Math.max(transferMs, (bytes / rate) * 1000);
      arrives *= 1 - this.#loss.values[id]!;
    }
    if (arrives <= 0) return Number.POSITIVE_INFINITY;
    return latencyMs + transferMs + 2 * latencyMs * (1 / arrives - 1);
  }

  /** What a probe between two places sees: ms there and back, share of packets lost, bytes/s that are free; null without a way. */
  probe(from: number, to: number): { roundTripMs: number; loss: number; freeBytesPerSecond: number } | null {
    const route = this.route(from, to);
    if (!route || this.delivered(route) === 0) return null;
    let loss = 1;
    let free = Number.POSITIVE_INFINITY;
    for (const id of route) {
      const link = this.link(id);
      loss *= 1 - link.loss;
      free = Math.min(free, Math.max(link.bytesPerSecond - link.load, (1 - fullest) * link.bytesPerSecond));
    }
    return { roundTripMs: 2 * this.messageMs(route, 64), loss: 1 - loss, freeBytesPerSecond: free };
  }

  #rerouted(): void {
    this.#trees.clear();
    this.version++;
  }

  #set(id: number, { latencyMs, bytesPerSecond, loss, up }: Partial<LinkSpec> & { up?: boolean }): void {
    if (latencyMs !== undefined) this.#latencyMs.values[id] = latencyMs;
    if (bytesPerSecond !== undefined) this.#bytesPerSecond.values[id] = bytesPerSecond;
    if (loss !== undefined) this.#loss.values[id] = loss;
    if (up !== undefined) this.#up.values[id] = up ? 1 : 0;
  }

  #isOnly(id: number): boolean {
    const ends = this.#ends[id]!;
    return this.#linksAt[ends[0]]!.length === 1 || this.#linksAt[ends[1]]!.length === 1;
  }

  /** Of a place with one link: that link, and what it hangs on; of others: themselves (null without any link). */
  #inward(place: number): [link: number | undefined, onto: number | null] {
    const links = this.#linksAt[place]!;
    if (links.length === 0) return [undefined, null];
    if (links.length > 1) return [undefined, place];
    const ends = this.#ends[links[0]!]!;
    return [links[0], ends[0] === place ? ends[1] : ends[0]];
  }

  #between(from: number, to: number): number[] | null {
    if (from === to) return [];
    let tree = this.#trees.get(from);
    if (!tree) {
      tree = this.#search(from);
      this.#trees.set(from, tree);
    }
    const way: number[] = [];
    for (let place = to; place !== from; ) {
      const id = tree.get(place);
      if (id === undefined) return null;
      way.push(id);
      const ends = this.#ends[id]!;
      place = ends[0] === place ? ends[1] : ends[0];
    }
    return way.reverse();
  }

  /** Dijkstra's search over the places with more than one link; ties by the lower number of the place. */
  #search(from: number): Map<number, number> {
    const by = new Map<number, number>();
    const distance = new Map<number, number>([[from, 0]]);
    const done = new Set<number>();
    const open = new Set([from]);
    while (open.size > 0) {
      let nearest = -1;
      for (const place of open) {
        const difference = nearest < 0 ? -1 : distance.get(place)! - distance.get(nearest)!;
        if (difference < 0 || (difference === 0 && place < nearest)) nearest = place;
      }
      open.delete(nearest);
      done.add(nearest);
      for (const id of this.#linksAt[nearest]!) {
        const ends = this.#ends[id]!;
        const other = ends[0] === nearest ? ends[1] : ends[0];
        if (this.#up.values[id] === 0 || done.has(other) || this.#linksAt[other]!.length < 2) continue;
        const through = distance.get(nearest)! + this.#latencyMs.values[id]!;
        if (through >= (distance.get(other) ?? Number.POSITIVE_INFINITY)) continue;
        distance.set(other, through);
        by.set(other, id);
        open.add(other);
      }
    }
    return by;
  }
}

export interface Link extends Required<LinkSpec> {
  ends: readonly [number, number];
  up: boolean;
  /** What goes over it now, bytes/s. */
  load: number;
}
