import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Lacks, Shape, ShapedTraffic, ShapeKind, Shaping, ShapingView } from '../host/shaping.ts';
import type { TrackedComponent } from '../host/signals.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';
import { permittedPods } from './permission.ts';
import { refusing } from './refusing.ts';
import { Sighting } from './sighting.ts';

/** What still lets the agents be heard, so that whatever has been set can be taken back. */
export const shapingLimits = { leastRateBitsPerSecond: 64_000, mostDelayMs: 5000, mostLossRatio: 0.5 } as const;

const target = {
  /** An interface of the node, what leaves by it; or a component's pods here, what they send ("transmit") or get ("receive"). */
  interface: z.string().min(1).max(15).optional(),
  application: z.string().min(1).optional(),
  component: z.string().min(1).optional(),
  direction: z.enum(['transmit', 'receive']).default('transmit'),
};
const isOneTarget = (one: {
  interface?: string | undefined;
  application?: string | undefined;
  component?: string | undefined;
  direction: string;
}) =>
  one.interface === undefined
    ? one.application !== undefined && one.component !== undefined
    : one.application === undefined && one.component === undefined && one.direction === 'transmit';
const whichTarget = 'give an interface (what it transmits), or an application and its component';

/** "set" replaces all that was shaped of the traffic; what it does not name is not held back. "reset" lets it pass as it would without us. */
export const trafficShapingCommandSchema = z.discriminatedUnion('command', [
  z
    .strictObject({
      command: z.literal('set'),
      ...target,
      rate_bits_per_second: z.number().min(shapingLimits.leastRateBitsPerSecond).max(400e9).optional(),
      delay_ms: z.number().min(0.1).max(shapingLimits.mostDelayMs).optional(),
      loss: z.number().min(0.0001).max(shapingLimits.mostLossRatio).optional(),
    })
    .refine(isOneTarget, whichTarget)
    .refine(
      (one) => one.rate_bits_per_second !== undefined || one.delay_ms !== undefined || one.loss !== undefined,
      'give a rate, delay or loss',
    ),
  z.strictObject({ command: z.literal('reset'), ...target }).refine(isOneTarget, whichTarget),
]);
type Command = z.infer<typeof trafficShapingCommandSchema>;

/** Rate, delay and loss of an interface's traffic, or of a component's. */
export class TrafficShapingMechanism implements Mechanism {
  readonly name = 'trafficShaping';
  readonly #shaping: Shaping;
  readonly #components: () => readonly TrackedComponent[];
  readonly #sighting: Sighting<ShapingView>;

  constructor(options: { shaping: Shaping; components: () => readonly TrackedComponent[]; clock: Clock }) {
    this.#shaping = options.shaping;
    this.#components = options.components;
    this.#sighting = new Sighting(() => this.#look(), options.clock);
  }

  /** As last seen; see `Sighting`. */
  state(): Json {
    const view = this.#sighting.get();
    if ('problem' in view) return [];
    const { interfaces, pods } = view.seen;
    return [
      ...interfaces.map(({ name, shape, foreign }) => ({
        interface: name,
        ...told(shape),
        ...(foreign !== undefined && { foreign }),
      })),
      ...pods.map(({ podIp, direction, shape }) => {
        const component = this.#components().find((one) => one.podIp === podIp);
        return {
          application: component?.application ?? null,
          component: component?.component ?? null,
          pod_ip: podIp,
          direction,
          ...told(shape),
        };
      }),
    ];
  }

  /** What each kind of traffic can be shaped by, an absent kind with the reason. */
  options(): Json {
    const view = this.#sighting.get();
    if ('problem' in view) return { absent: view.problem };
    const { absent, lacks, interfaces } = view.seen;
    if (absent !== undefined) return { absent };
    return {
      interfaces: interfaces.filter(({ foreign }) => foreign === undefined).map(({ name }) => name),
      interface: offered(lacks.interface),
      transmit: offered(lacks.transmit),
      receive: offered(lacks.receive),
    };
  }

  touches(command: unknown): string[] {
    const parsed = trafficShapingCommandSchema.parse(command);
    return [
      parsed.interface === undefined
        ? `traffic/${parsed.application}/${parsed.component}/${parsed.direction}`
        : `traffic/${parsed.interface}`,
    ];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const parsed = trafficShapingCommandSchema.parse(command);
    const shape: Shape =
      parsed.command === 'reset'
        ? {}
        : { rateBitsPerSecond: parsed.rate_bits_per_second, delayMs: parsed.delay_ms, lossRatio: parsed.loss };
    const targets = this.#targets(parsed);
    const { absent, lacks, interfaces } = await refusing(() => this.#look());
    if (absent !== undefined) throw new MechanismError(absent);
    if (parsed.interface !== undefined && !interfaces.some(({ name }) => name === parsed.interface))
      throw new MechanismError(
        `there is no interface ${parsed.interface}; there are ${interfaces.map(({ name }) => name).join(', ')}`,
      );
    const lacking = lacks[parsed.interface === undefined ? parsed.direction : 'interface'];
    for (const [kind, wanted] of [
      ['rate', shape.rateBitsPerSecond],
      ['delay', shape.delayMs],
      ['loss', shape.lossRatio],
    ] as const)
      if (wanted !== undefined && lacking[kind] !== undefined)
        throw new MechanismError(`${kind} cannot be set here: ${lacking[kind]}`);
    for (const { traffic, what } of targets) {
      let back: (() => Promise<void>) | undefined;
      const work = async () => {
        back = await refusing(() => this.#shaping.write(traffic, shape));
      };
      await plan.run(`${parsed.command === 'reset' ? 'Let pass' : `Shape to ${wordsOf(shape)}`} ${what}`, work, {
        title: `Let ${what} pass as before`,
        run: async () => {
          await refusing(async () => back?.());
          await this.#sighting.refresh();
        },
      });
    }
    await this.#sighting.refresh();
  }

  #targets(command: Command): { traffic: ShapedTraffic; what: string }[] {
    const { direction } = command;
    if (command.interface !== undefined)
      return [{ traffic: { interface: command.interface }, what: `what leaves by ${command.interface}` }];
    const pods = permittedPods(
      this.#components(),
      { application: command.application ?? '', component: command.component },
      'traffic_redirection',
    );
    return pods.map(({ component, podIp }) => {
      if (podIp === undefined) throw new MechanismError(`${component} has no address yet`);
      return { traffic: { podIp, direction }, what: `what ${component} ${direction === 'transmit' ? 'sends' : 'gets'}` };
    });
  }

  /** What there is; rules for pods that have gone are taken away, for their addresses are given to others. */
  async #look(): Promise<ShapingView> {
    const addresses = this.#components().flatMap(({ podIp }) => podIp ?? []);
    const view = await this.#shaping.look(addresses);
    // A node agent that has just started has not been told yet.
    if (addresses.length === 0) return view;
    const gone = view.pods.filter(({ podIp }) => !addresses.includes(podIp));
    for (const { podIp, direction } of gone) await this.#shaping.write({ podIp, direction }, {});
    return { ...view, pods: view.pods.filter((one) => !gone.includes(one)) };
  }
}

const told = ({ rateBitsPerSecond, delayMs, lossRatio }: Shape) => ({
  rate_bits_per_second: rateBitsPerSecond ?? null,
  delay_ms: delayMs ?? null,
  loss: lossRatio ?? null,
});

const wordsOf = ({ rateBitsPerSecond: rate, delayMs, lossRatio }: Shape): string =>
  [
    ...(rate === undefined ? [] : [`${Number((rate / 1e6).toPrecision(4))} Mbit/s`]),
    ...(delayMs === undefined ? [] : [`${delayMs} ms more`]),
    ...(lossRatio === undefined ? [] : [`${Number((lossRatio * 100).toPrecision(4))} % lost`]),
  ].join(', ');

function offered(lacks: Lacks): Json {
  const { leastRateBitsPerSecond, mostDelayMs, mostLossRatio } = shapingLimits;
  const limits: Record<ShapeKind, Json> = {
    rate: { min_bits_per_second: leastRateBitsPerSecond },
    delay: { max_ms: mostDelayMs },
    loss: { max: mostLossRatio },
  };
  return Object.fromEntries(
    (['rate', 'delay', 'loss'] as const).map((kind) => [
      kind,
      lacks[kind] === undefined ? limits[kind] : { absent: lacks[kind] },
    ]),
  );
}
