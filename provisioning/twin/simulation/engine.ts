import { Column } from './columns.ts';
import { EventQueue } from './events.ts';
import type { Machines } from './machines.ts';
import type { Network, Route } from './network.ts';
import { type FlowModel, type ServiceModel, Services } from './service.ts';

/** What happens beside the requests: a process gets its own events back when they are due. */
export type Process = (subject: number, now: number) => void;

export interface EngineOptions {
  machines: Machines;
  network: Network;
  /** Place of each node in the network. */
  places: readonly number[];
  /** ms since the epoch. */
  startAt: number;
}

/** What an application is made of. Numbers of its flows lie side by side, `perFlow` of each. */
interface Application {
  /** Each after those it gets requests from. */
  services: number[];
  /** Those that send on to nobody. */
  ends: number[];
  /** In the order of the services they go to. */
  flows: { from: number; to: number }[];
  numbers: Float64Array;
  routes: (Route | null)[];
  /** Of the network, when the routes were sought. */
  routeVersion: number;
  /** A part is missing: what is made is lost. */
  broken: boolean;
}
const [requestsAt, bytesAt, bytesPerItemAt, carriedAt, perFlow] = [0, 1, 2, 3, 4];

/** A change on a node is felt by the queues of its other components after this long, as a scheduler's slices last. */
const feltAfterMs = 100;

/**
 * The physics, from event to event: between two events rates, demands and power stay as they are, so that what adds up follows by multiplication and
 * nothing has to be done for whoever does not change. Requests are flows of a rate between events, not single ones; their waiting is that of
 * queueing theory (`queueLength`). It decides nothing, and asking it changes nothing: the same seed gives the same run however it is read.
 */
export class Engine {
  readonly machines: Machines;
  readonly network: Network;
  readonly services = new Services();
  readonly places: number[];
  readonly #queue = new EventQueue();
  readonly #processes: Process[] = [];
  readonly #on: number[][];
  /** Services on a node that feel what else it does. */
  readonly #tight: Int32Array;
  readonly #isTight = new Column();
  readonly #applications: (Application | null)[] = [];
  readonly #items = new Column();
  readonly #serving = new Column();
  readonly #losing = new Column();
  readonly #served = new Column();
  readonly #lost = new Column();
  readonly #at = new Column();
  readonly #reconsiderAt = new Column();
  readonly #reconsider: number;
  readonly #turn: number;
  #now: number;
  /** Events handled so far. */
  events = 0;

  constructor({ machines, network, places, startAt }: EngineOptions) {
    if (places.length !== machines.count) throw new RangeError('every node has one place in the network');
    this.machines = machines;
    this.network = network;
    this.places = [...places];
    this.#now = startAt;
    machines.begin(startAt);
    this.#on = Array.from(places, () => []);
    this.#tight = new Int32Array(places.length);
    this.#reconsider = this.process((application, now) => {
      if (this.#reconsiderAt.values[application] === now) this.evaluate(application);
    });
    this.#turn = this.process((service, now) => {
      const application = this.services.applicationOf(service);
      if (application >= 0 && this.services.turnsAtOf(service) === now) this.evaluate(application);
    });
  }

  /** ms since the epoch. */
  get now(): number {
    return this.#now;
  }

  /** @returns the kind to schedule its events with */
  process(run: Process): number {
    if (this.#processes.length > 255) throw new RangeError('there are too many processes');
    return this.#processes.push(run) - 1;
  }

  /** @param kind what `process` gave */
  schedule(at: number, kind: number, subject: number): void {
    this.#queue.push(Math.max(at, this.#now), kind, subject);
  }

  /** Lets everything happen until then. */
  advance(to: number): void {
    const queue = this.#queue;
    while (queue.nextAt <= to) {
      queue.take();
      this.#now = queue.at;
      this.events++;
      this.#processes[queue.kind]!(queue.subject, queue.at);
    }
    if (to > this.#now) this.#now = to;
  }

  addService(node: number, model: ServiceModel): number {
    const id = this.services.add(node, model, this.#now);
    this.#isTight.reach(id);
    this.#isTight.values[id] = 0;
    this.#on[node]!.push(id);
    this.machines.memoryUsed[node]! += this.services.memoryOf(id);
    this.updateNode(node, this.services.demandOf(id));
    return id;
  }

  /** @throws RangeError while it is part of an application */
  removeService(id: number): void {
    this.services.check(id);
    if (this.services.applicationOf(id) >= 0) throw new RangeError(`service ${id} still is part of an application`);
    const node = this.services.nodeOf(id);
    this.#on[node] = this.#on[node]!.filter((other) => other !== id);
    this.machines.memoryUsed[node]! -= this.services.memoryOf(id);
    this.updateNode(node, -this.services.demandOf(id));
    this.services.remove(id);
  }

  servicesOn(node: number): readonly number[] {
    return this.#on[node]!;
  }

  addApplication(): number {
    const empty = { services: [], ends: [], flows: [], numbers: new Float64Array(0), routes: [], routeVersion: -1, broken: true };
    const id = this.#applications.push(empty) - 1;
    for (const column of [this.#items, this.#serving, this.#losing, this.#served, this.#lost, this.#at, this.#reconsiderAt])
      column.reach(id);
    this.#at.values[id] = this.#now;
    this.#reconsiderAt.values[id] = Number.NaN;
    return id;
  }

  /**
   * Joins services, each after those it gets requests from. Services that were part before and are not now serve nobody.
   * @param broken a part is missing: requests are made, and lost
   */
  compose(id: number, services: readonly number[], flows: readonly FlowModel[], broken = false): void {
    const application = this.#find(id);
    this.#settle(id);
    for (let flow = 0; flow < application.flows.length; flow++) this.#carry(application, flow, 0);
    const former = application.services.filter((service) => !services.includes(service));
    const ordered = flows.toSorted((a, b) => services.indexOf(a.to) - services.indexOf(b.to));
    application.services = [...services];
    application.ends = services.filter((service) => flows.every(({ from }) => from !== service));
    application.broken = broken;
    application.flows = ordered.map(({ from, to }) => ({ from, to }));
    application.numbers = Float64Array.from(
      ordered.flatMap(({ requests = 1, bytes = 0, bytesPerItem = 0 }) => [requests, bytes, bytesPerItem, 0]),
    );
    application.routes = ordered.map(() => null);
    application.routeVersion = -1;
    for (const service of former) {
      const before = this.services.demandOf(service);
      this.services.join(service, -1);
      this.services.account(service, this.#now);
      this.services.rest(service);
      this.#setTight(service, false);
      this.updateNode(this.services.nodeOf(service), this.services.demandOf(service) - before);
    }
    for (const service of services) {
      this.services.check(service);
      this.services.join(service, id);
    }
    this.evaluate(id);
  }

  removeApplication(id: number): void {
    this.compose(id, [], []);
    this.#applications[id] = null;
  }

  itemsOf = (id: number): number => this.#items.values[id]!;

  /** Changes what is in each request of an application. */
  setItems(id: number, items: number): void {
    if (this.#items.values[id] === items) return;
    this.#items.values[id] = items;
    this.evaluate(id);
  }

  /** Follows the requests of an application through its services, and takes them to the nodes and links. */
  evaluate(id: number): void {
    const application = this.#applications[id];
    if (!application) return;
    this.#settle(id);
    this.#reconsiderAt.values[id] = Number.NaN;
    if (application.routeVersion !== this.network.version) this.#reroute(application);
    const { services: parts, flows, numbers, routes, broken } = application;
    const { machines, network, services } = this;
    const items = this.#items.values[id]!;
    const now = this.#now;
    let losing = 0;
    let flow = 0;
    for (let position = 0; position < parts.length; position++) {
      const part = parts[position]!;
      services.account(part, now);
      let inflow = services.makesOf(part);
      for (; flow < flows.length && flows[flow]!.to === part; flow++) {
        const base = flow * perFlow;
        const served = services.outflowOf(flows[flow]!.from);
        const sent = served * numbers[base + requestsAt]!;
        this.#carry(application, flow, sent * (numbers[base + bytesAt]! + numbers[base + bytesPerItemAt]! * items));
        const route = routes[flow];
        const arriving = route ? sent * network.delivered(route) : 0;
        losing += sent - arriving;
        inflow += arriving;
      }
      const node = services.nodeOf(part);
      const before = services.demandOf(part);
      if (machines.up[node] === 0) {
        services.stand(part, inflow);
        this.#setTight(part, false);
        this.updateNode(node, -before);
      } else {
        const workS = services.workS(part, items, machines.speed(node, services.speedKindOf(part)));
        const demand = services.takeIn(part, inflow, workS);
        this.updateNode(node, demand - before, part);
        services.serve(part, workS, machines.demand[node]!, machines.cores[node]!);
        this.#setTight(part, services.isTight(part, workS));
        const turnsAt = services.turnsAtOf(part);
        if (turnsAt !== Number.POSITIVE_INFINITY) this.schedule(turnsAt, this.#turn, part);
      }
      losing += services.losingOf(part);
    }
    let serving = 0;
    for (const end of application.ends) serving += services.outflowOf(end);
    // A broken pipeline makes requests that nobody takes to their end.
    this.#serving.values[id] = broken ? 0 : serving;
    this.#losing.values[id] = broken ? losing + serving : losing;
  }

  /**
   * Takes a change of what a node's components ask for, or of the node itself, to its processor, and tells those whose queues are turned by it.
   * @param more cores
   * @param except a service that is served by the caller
   */
  updateNode(node: number, more = 0, except = -1): void {
    const { machines, services } = this;
    machines.update(node, this.#now, more);
    this.#govern(node);
    if (this.#tight[node] === 0 && machines.demand[node]! <= machines.cores[node]!) return;
    for (const id of this.#on[node]!) {
      const application = services.applicationOf(id);
      if (id === except || application < 0 || this.#reconsiderAt.values[application]! > this.#now) continue;
      const workS = services.workS(id, this.#items.values[application]!, machines.speed(node, services.speedKindOf(id)));
      if (services.isTurned(id, workS, machines.demand[node]!, machines.cores[node]!)) this.reconsiderSoon(application);
    }
  }

  /** After a change of a node (its frequency, health, whether it is up): everything on it is evaluated anew. */
  changeNode(node: number): void {
    this.machines.clocked(node);
    this.updateNode(node);
    for (const application of this.applicationsOn(node)) this.evaluate(application);
  }

  /** After a change of a node's own link, over which nothing goes but what is from it or to it. */
  changeLinkOf(node: number): void {
    for (const application of this.applicationsOn(node)) this.evaluate(application);
  }

  applicationsOn(node: number): number[] {
    const found = this.#on[node]!.map((id) => this.services.applicationOf(id)).filter((application) => application >= 0);
    return [...new Set(found)];
  }

  /** After a change of links that may carry anything. */
  evaluateAll(): void {
    for (let id = 0; id < this.#applications.length; id++) this.evaluate(id);
  }

  reconsiderSoon(id: number): void {
    if (!this.#applications[id] || this.#reconsiderAt.values[id]! > this.#now) return;
    const at = this.#now + feltAfterMs;
    this.#reconsiderAt.values[id] = at;
    this.schedule(at, this.#reconsider, id);
  }

  /**
   * Time of a request from its making to the end of its longest way, ms, were it made now; null while a part is missing or unreachable.
   * `part` asks for the time in that service alone.
   */
  latencyMs(id: number, part?: number): number | null {
    const application = this.#find(id);
    const { services: parts, flows, numbers, routes, broken } = application;
    if (broken || parts.length === 0) return null;
    const { machines, network, services } = this;
    if (application.routeVersion !== network.version) this.#reroute(application);
    const items = this.#items.values[id]!;
    const leftMs = new Map<number, number>();
    let longest = 0;
    for (const service of parts) {
      if (part !== undefined && service !== part) continue;
      const node = services.nodeOf(service);
      if (machines.up[node] === 0) return null;
      let arrivesMs = 0;
      for (const [index, { from, to }] of flows.entries()) {
        if (to !== service || part !== undefined) continue;
        const route = routes[index];
        if (!route || network.delivered(route) === 0) return null;
        const bytes = numbers[index * perFlow + bytesAt]! + numbers[index * perFlow + bytesPerItemAt]! * items;
        arrivesMs = Math.max(arrivesMs, leftMs.get(from)! + network.messageMs(route, bytes));
      }
      const workS = services.workS(service, items, machines.speed(node, services.speedKindOf(service)));
      const stayMs = services.stayMs(service, this.#now, workS, machines.demand[node]!, machines.cores[node]!);
      leftMs.set(service, arrivesMs + stayMs);
      longest = Math.max(longest, arrivesMs + stayMs);
    }
    return Number.isFinite(longest) ? longest : null;
  }

  /** Requests that came to the end of their way, and that were lost on it, since the beginning. */
  counts(id: number): { served: number; lost: number } {
    const dtS = (this.#now - this.#at.values[id]!) / 1000;
    return {
      served: this.#served.values[id]! + this.#serving.values[id]! * dtS,
      lost: this.#lost.values[id]! + this.#losing.values[id]! * dtS,
    };
  }

  /** Cores that a service gets. */
  coresOf(id: number): number {
    const node = this.services.nodeOf(id);
    const share = Math.min(1, this.machines.cores[node]! / Math.max(this.machines.demand[node]!, 1e-9));
    return this.services.demandOf(id) * share;
  }

  #find(id: number): Application {
    const found = this.#applications[id];
    if (!found) throw new RangeError(`there is no application ${id}`);
    return found;
  }

  #settle(id: number): void {
    const dtS = (this.#now - this.#at.values[id]!) / 1000;
    if (dtS <= 0) return;
    this.#served.values[id]! += this.#serving.values[id]! * dtS;
    this.#lost.values[id]! += this.#losing.values[id]! * dtS;
    this.#at.values[id] = this.#now;
  }

  #setTight(service: number, isTight: boolean): void {
    const before = this.#isTight.values[service]!;
    const after = isTight ? 1 : 0;
    if (before === after) return;
    this.#isTight.values[service] = after;
    this.#tight[this.services.nodeOf(service)]! += after - before;
  }

  #reroute(application: Application): void {
    const { flows, numbers, routes } = application;
    for (const [flow, { from, to }] of flows.entries()) {
      const carried = numbers[flow * perFlow + carriedAt]!;
      this.#carry(application, flow, 0);
      const [start, end] = [this.services.nodeOf(from), this.services.nodeOf(to)];
      routes[flow] = this.network.route(this.places[start]!, this.places[end]!);
      this.#carry(application, flow, carried);
    }
    application.routeVersion = this.network.version;
  }

  /** Puts a flow's traffic on its links and nodes. */
  #carry({ flows, numbers, routes }: Application, flow: number, bytesPerSecond: number): void {
    const more = bytesPerSecond - numbers[flow * perFlow + carriedAt]!;
    if (more === 0) return;
    numbers[flow * perFlow + carriedAt] = bytesPerSecond;
    const route = routes[flow];
    if (!route || route.length === 0) return;
    this.network.load(route, more);
    this.machines.sent[this.services.nodeOf(flows[flow]!.from)]! += more;
    this.machines.received[this.services.nodeOf(flows[flow]!.to)]! += more;
  }

  /** Keeps a node below its power cap. */
  #govern(node: number): void {
    const { machines } = this;
    const ghz = machines.allowedGHz(node);
    if (ghz === machines.ghz[node]) return;
    machines.ghz[node] = ghz;
    machines.clocked(node);
    for (const application of this.applicationsOn(node)) this.reconsiderSoon(application);
  }
}
