import { EventQueue } from './events.ts';
import type { Machines } from './machines.ts';
import type { Network, Route } from './network.ts';
import { type FlowModel, Service, type ServiceModel } from './service.ts';

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

/** What an application is made of: its services in an order in which each comes after those it gets requests from. */
export interface Application {
  services: number[];
  flows: Flow[];
  /** Items in each request: people in view, weeds in a picture. */
  items: number;
  /** A part is missing: what is made is lost. */
  broken: boolean;
  /** Requests/s that come to the end of their way, and that are lost on it. */
  serving: number;
  losing: number;
  served: number;
  lost: number;
  at: number;
  reconsiderAt: number;
}

interface Flow extends Required<FlowModel> {
  route: Route | null;
  routeVersion: number;
  bytesPerSecond: number;
}

/** A change on a node is felt by the queues of its other components after this long, as a scheduler's slices last. */
const feltAfterMs = 100;
const reconsider = 0;
const turn = 1;

/**
 * The physics, from event to event: between two events rates, demands and power stay as they are, so that what adds up follows by multiplication and
 * nothing has to be done for whoever does not change. Requests are flows of a rate between events, not single ones; their waiting is that of
 * queueing theory (`queueLength`). It decides nothing, and asking it changes nothing: the same seed gives the same run however it is read.
 */
export class Engine {
  readonly machines: Machines;
  readonly network: Network;
  readonly places: number[];
  readonly #queue = new EventQueue();
  readonly #processes: Process[] = [];
  readonly #services: (Service | null)[] = [];
  readonly #freeServices: number[] = [];
  readonly #on: number[][];
  readonly #applications: (Application | null)[] = [];
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
    this.process((application, now) => {
      if (this.#applications[application]?.reconsiderAt === now) this.evaluate(application);
    });
    this.process((service, now) => {
      const found = this.#services[service];
      if (found?.turnsAt === now && found.application >= 0) this.evaluate(found.application);
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
    const service = new Service(node, model);
    service.at = this.#now;
    service.demand = service.model.steadyCores;
    const id = this.#freeServices.pop() ?? this.#services.length;
    this.#services[id] = service;
    this.#on[node]!.push(id);
    this.machines.memoryUsed[node]! += service.model.memoryBytes;
    this.updateNode(node);
    return id;
  }

  /** It must not be part of an application any more. */
  removeService(id: number): void {
    const service = this.service(id);
    if (service.application >= 0) throw new RangeError(`service ${id} still is part of an application`);
    this.#services[id] = null;
    this.#freeServices.push(id);
    this.#on[service.node] = this.#on[service.node]!.filter((other) => other !== id);
    this.machines.memoryUsed[service.node]! -= service.model.memoryBytes;
    this.updateNode(service.node);
  }

  service(id: number): Service {
    const found = this.#services[id];
    if (!found) throw new RangeError(`there is no service ${id}`);
    return found;
  }

  servicesOn(node: number): readonly number[] {
    return this.#on[node]!;
  }

  addApplication(): number {
    const empty = { items: 0, broken: true, serving: 0, losing: 0, served: 0, lost: 0, at: this.#now, reconsiderAt: Number.NaN };
    return this.#applications.push({ ...empty, services: [], flows: [] }) - 1;
  }

  application(id: number): Application {
    const found = this.#applications[id];
    if (!found) throw new RangeError(`there is no application ${id}`);
    return found;
  }

  /**
   * Joins services, each after those it gets requests from. Services that were part before and are not now serve nobody.
   * @param broken a part is missing: requests are made, and lost
   */
  compose(id: number, services: readonly number[], flows: readonly FlowModel[], broken = false): void {
    const application = this.application(id);
    this.#settle(application);
    for (const flow of application.flows) this.#carry(flow, 0);
    const former = application.services.filter((service) => !services.includes(service));
    application.services = [...services];
    application.broken = broken;
    application.flows = flows.map((flow) => ({
      requests: 1,
      bytes: 0,
      bytesPerItem: 0,
      ...flow,
      route: null,
      routeVersion: -1,
      bytesPerSecond: 0,
    }));
    for (const gone of former) {
      const service = this.#services[gone];
      if (!service) continue;
      service.account(this.#now);
      service.application = -1;
      service.stand(0);
      service.demand = service.model.steadyCores;
      this.updateNode(service.node);
    }
    for (const service of services) this.service(service).application = id;
    this.evaluate(id);
  }

  removeApplication(id: number): void {
    this.compose(id, [], []);
    this.#applications[id] = null;
  }

  /** Changes what is in each request of an application. */
  setItems(id: number, items: number): void {
    const application = this.application(id);
    if (application.items === items) return;
    application.items = items;
    this.evaluate(id);
  }

  /** Follows the requests of an application through its services, and takes them to the nodes and links. */
  evaluate(id: number): void {
    const application = this.#applications[id];
    if (!application) return;
    this.#settle(application);
    application.reconsiderAt = Number.NaN;
    const { items, flows, broken } = application;
    const { machines, network } = this;
    let serving = 0;
    let losing = 0;
    for (const id of application.services) {
      const service = this.#services[id]!;
      service.account(this.#now);
      let inflow = service.makes;
      for (const flow of flows) {
        if (flow.to !== id) continue;
        const route = this.#routeOf(flow);
        const sent = this.#services[flow.from]!.outflow * flow.requests;
        this.#carry(flow, sent * (flow.bytes + flow.bytesPerItem * items));
        const arriving = route ? sent * network.delivered(route) : 0;
        losing += sent - arriving;
        inflow += arriving;
      }
      const { node } = service;
      if (machines.up[node] === 0) {
        service.stand(inflow);
        this.updateNode(node);
      } else {
        const workS = service.workS(items, machines.speed(node, service.speedKind));
        service.serve(inflow, workS, machines.cores[node]!, () => {
          this.updateNode(node);
          return machines.demand[node]!;
        });
        if (service.turnsAt !== Number.POSITIVE_INFINITY) this.schedule(service.turnsAt, turn, id);
      }
      losing += service.losing;
      if (flows.every(({ from }) => from !== id)) serving += service.outflow;
    }
    // A broken pipeline makes requests that nobody takes to their end.
    application.serving = broken ? 0 : serving;
    application.losing = broken ? losing + serving : losing;
  }

  /** Takes the demands of what runs on a node to its processor, and tells those whose queues are turned by it. */
  updateNode(node: number): void {
    const { machines } = this;
    let demand = 0;
    for (const id of this.#on[node]!) demand += this.#services[id]!.demand;
    machines.update(node, this.#now, demand);
    this.#govern(node);
    const total = machines.demand[node]!;
    const cores = machines.cores[node]!;
    for (const id of this.#on[node]!) {
      const service = this.#services[id]!;
      if (service.application < 0) continue;
      const application = this.#applications[service.application];
      if (!application || application.reconsiderAt > this.#now) continue;
      const workS = service.workS(application.items, machines.speed(node, service.speedKind));
      if (service.isTurned(workS, total, cores)) this.reconsiderSoon(service.application);
    }
  }

  /** After a change of a node (its frequency, health, whether it is up): everything on it is evaluated anew. */
  changeNode(node: number): void {
    this.machines.clocked(node);
    this.updateNode(node);
    for (const application of this.applicationsOn(node)) this.evaluate(application);
  }

  applicationsOn(node: number): number[] {
    const found = this.#on[node]!.map((id) => this.#services[id]!.application).filter((application) => application >= 0);
    return [...new Set(found)];
  }

  /** After a change of links that may carry anything. */
  evaluateAll(): void {
    for (let id = 0; id < this.#applications.length; id++) this.evaluate(id);
  }

  reconsiderSoon(id: number): void {
    const application = this.#applications[id];
    if (!application || application.reconsiderAt > this.#now) return;
    application.reconsiderAt = this.#now + feltAfterMs;
    this.schedule(application.reconsiderAt, reconsider, id);
  }

  /**
   * Time of a request from its making to the end of its longest way, ms, were it made now; null while a part is missing or unreachable.
   * `part` asks for the time in that service alone.
   */
  latencyMs(id: number, part?: number): number | null {
    const application = this.application(id);
    if (application.broken || application.services.length === 0) return null;
    const at = new Map<number, number>();
    let longest = 0;
    for (const serviceId of application.services) {
      if (part !== undefined && serviceId !== part) continue;
      const service = this.#services[serviceId]!;
      const { node } = service;
      if (this.machines.up[node] === 0) return null;
      let arrivesMs = 0;
      if (part === undefined)
        for (const flow of application.flows) {
          if (flow.to !== serviceId) continue;
          const route = this.#routeOf(flow);
          if (!route || this.network.delivered(route) === 0) return null;
          const messageMs = this.network.messageMs(route, flow.bytes + flow.bytesPerItem * application.items);
          arrivesMs = Math.max(arrivesMs, at.get(flow.from)! + messageMs);
        }
      const workS = service.workS(application.items, this.machines.speed(node, service.speedKind));
      const left = arrivesMs + service.stayMs(this.#now, workS, this.machines.demand[node]!, this.machines.cores[node]!);
      at.set(serviceId, left);
      longest = Math.max(longest, left);
    }
    return Number.isFinite(longest) ? longest : null;
  }

  /** Requests that came to the end of their way, and that were lost on it, since the beginning. */
  counts(id: number): { served: number; lost: number } {
    const { served, serving, lost, losing, at } = this.application(id);
    const dtS = (this.#now - at) / 1000;
    return { served: served + serving * dtS, lost: lost + losing * dtS };
  }

  /** Cores that a service gets. */
  coresOf(id: number): number {
    const { node, demand } = this.service(id);
    return demand * Math.min(1, this.machines.cores[node]! / Math.max(this.machines.demand[node]!, 1e-9));
  }

  #settle(application: Application): void {
    const { served, lost } = application;
    application.served = served + (application.serving * (this.#now - application.at)) / 1000;
    application.lost = lost + (application.losing * (this.#now - application.at)) / 1000;
    application.at = this.#now;
  }

  #routeOf(flow: Flow): Route | null {
    const { network } = this;
    if (flow.routeVersion !== network.version) {
      const bytesPerSecond = flow.bytesPerSecond;
      this.#carry(flow, 0);
      const from = this.places[this.#services[flow.from]!.node]!;
      const to = this.places[this.#services[flow.to]!.node]!;
      flow.route = network.route(from, to);
      flow.routeVersion = network.version;
      if (flow.route) this.#carry(flow, bytesPerSecond);
    }
    return flow.route;
  }

  /** Puts a flow's traffic on its links and nodes. */
  #carry(flow: Flow, bytesPerSecond: number): void {
    const more = bytesPerSecond - flow.bytesPerSecond;
    if (more === 0) return;
    flow.bytesPerSecond = bytesPerSecond;
    if (!flow.route || flow.route.length === 0) return;
    this.network.load(flow.route, more);
    this.machines.sent[this.#services[flow.from]!.node]! += more;
    this.machines.received[this.#services[flow.to]!.node]! += more;
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
