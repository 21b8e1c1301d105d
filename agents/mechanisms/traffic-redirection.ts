import { isIP } from 'node:net';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { NodeDescription } from '../descriptions/node.ts';
import type { Detour, Redirection, RedirectionView } from '../host/redirection.ts';
import type { TrackedComponent } from '../host/signals.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';
import { permittedPods } from './permission.ts';
import { refusing } from './refusing.ts';
import { Sighting } from './sighting.ts';

const target = { application: z.string().min(1), component: z.string().min(1).optional() };
const gatewaySchema = z.union([z.ipv4(), z.ipv6()]);

/** Without a component, all of the application's on this node. "reset" sends them as the host would. */
export const trafficRedirectionCommandSchema = z.discriminatedUnion('command', [
  z.strictObject({
    command: z.literal('set'),
    ...target,
    /** One that the node's description names. */
    interface: z.string().min(1).max(15),
    /** Next hop; absent means that of the host's own default route by the interface. */
    gateway: gatewaySchema.optional(),
    /** Only what is for these addresses; absent means all that leaves the cluster's own networks. */
    to: z.union([z.cidrv4(), z.cidrv6()]).optional(),
    masquerade: z.boolean().default(true),
  }),
  z.strictObject({ command: z.literal('reset'), ...target }),
]);
type SetCommand = Extract<z.infer<typeof trafficRedirectionCommandSchema>, { command: 'set' }>;

/** An interface that applications may be sent by, as the node is described. */
interface Way {
  name: string;
  connection: string | null;
  isBasic: boolean;
}

/** By which of the node's interfaces, and next hop, an application's traffic leaves. */
export class TrafficRedirectionMechanism implements Mechanism {
  readonly name = 'trafficRedirection';
  readonly #redirection: Redirection;
  readonly #components: () => readonly TrackedComponent[];
  readonly #ways: Way[];
  readonly #sighting: Sighting<RedirectionView>;

  constructor(options: {
    redirection: Redirection;
    components: () => readonly TrackedComponent[];
    description: NodeDescription | undefined;
    clock: Clock;
  }) {
    this.#redirection = options.redirection;
    this.#components = options.components;
    this.#ways = waysOf(options.description);
    this.#sighting = new Sighting(() => this.#look(), options.clock);
  }

  /** Redirected pods, as last seen; see `Sighting`. */
  state(): Json {
    const view = this.#sighting.get();
    if ('problem' in view) return [];
    return view.seen.detours.map(({ podIp, detour }) => {
      const component = this.#components().find((one) => one.podIp === podIp);
      return {
        application: component?.application ?? null,
        component: component?.component ?? null,
        pod_ip: podIp,
        interface: detour.interface,
        gateway: detour.gateway ?? null,
        to: detour.to ?? null,
        masquerade: detour.masquerade,
      };
    });
  }

  options(): Json {
    if (!this.#ways.some(({ isBasic }) => !isBasic)) return { absent: "the node's description names no redirection_interface" };
    const view = this.#sighting.get();
    if ('problem' in view) return { absent: view.problem };
    const { absent, interfaces } = view.seen;
    if (absent !== undefined) return { absent };
    return this.#ways.map(({ name, connection }) => {
      const there = interfaces.find((one) => one.name === name);
      const state: Record<string, Json> =
        there === undefined ? { absent: 'the host has no such interface' } : { up: there.isUp, gateway: there.gateway ?? null };
      return { interface: name, connection, ...state };
    });
  }

  touches(command: unknown): string[] {
    const { application } = trafficRedirectionCommandSchema.parse(command);
    return [`route/${application}`];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const parsed = trafficRedirectionCommandSchema.parse(command);
    const pods = permittedPods(this.#components(), parsed, 'traffic_redirection');
    const view = await refusing(() => this.#look(), 'the routes cannot be read');
    if (view.absent !== undefined) throw new MechanismError(view.absent);
    const wanted = parsed.command === 'set' ? this.#detour(parsed, view) : undefined;
    for (const { component, podIp } of pods) {
      if (podIp === undefined || isIP(podIp) === 0) throw new MechanismError(`${component} has no address yet`);
      const next = wanted?.gateway ?? wanted?.to?.split('/')[0];
      if (next !== undefined && isIP(next) !== isIP(podIp))
        throw new MechanismError(`${component} has the address ${podIp}, of another version than ${next}`);
    }
    for (const { component, podIp = '' } of pods) {
      let back: (() => Promise<void>) | undefined;
      const work = async () => {
        back = await refusing(() => this.#redirection.write(podIp, wanted));
      };
      const title =
        wanted === undefined ? `Send what leaves ${component} as before` : `Send what leaves ${component} by ${wanted.interface}`;
      await plan.run(title, work, {
        title: `Put the way of ${component} back`,
        run: async () => {
          await refusing(async () => back?.());
          await this.#sighting.refresh();
        },
      });
    }
    await this.#sighting.refresh();
  }

  #detour(command: SetCommand, { interfaces }: RedirectionView): Detour {
    const { to, masquerade } = command;
    if (!this.#ways.some(({ name }) => name === command.interface))
      throw new MechanismError(
        `the node's description names no interface ${command.interface} for applications; it names ${this.#ways.map(({ name }) => name).join(', ') || 'none'}`,
      );
    const there = interfaces.find(({ name }) => name === command.interface);
    if (!there) throw new MechanismError(`the host has no interface ${command.interface}`);
    if (!there.isUp) throw new MechanismError(`${command.interface} is down`);
    const gateway = command.gateway ?? (there.isPointToPoint ? undefined : there.gateway);
    if (gateway === undefined && !there.isPointToPoint && to === undefined)
      throw new MechanismError(`the host has no default route by ${command.interface}: give a gateway`);
    return { interface: command.interface, gateway, to, masquerade };
  }

  /** What there is; ways of pods that have gone are taken away, for their addresses are given to others. */
  async #look(): Promise<RedirectionView> {
    const view = await this.#redirection.look();
    const addresses = this.#components().flatMap(({ podIp }) => podIp ?? []);
    // A node agent that has just started has not been told yet.
    if (addresses.length === 0) return view;
    const gone = view.detours.filter(({ podIp }) => !addresses.includes(podIp));
    for (const { podIp } of gone) await this.#redirection.write(podIp, undefined);
    return { ...view, detours: view.detours.filter((one) => !gone.includes(one)) };
  }
}

function waysOf(description: NodeDescription | undefined): Way[] {
  const { basic_interface: basic, redirection_interface: others = [] } = description?.network_resources ?? {};
  return [
    ...(basic?.interface_name === undefined || basic.application_traffic_permission === false
      ? []
      : [{ name: basic.interface_name, connection: basic.name, isBasic: true }]),
    ...others.flatMap(({ interface_name: name, connection_type: connection }) =>
      name === undefined ? [] : [{ name, connection: connection ?? null, isBasic: false }],
    ),
  ];
}
