import { z } from 'zod';
import { constant, multiply, subtract } from '../decision/expression.ts';
import { placedFor, placedIn } from './moving.ts';
import { permissionOf } from './permission-of.ts';
import type { Option, Policy, PolicyFactory, PolicyInput, Proposal, Trigger } from './policy.ts';
import { PremiseBook } from './premise-book.ts';
import { presenceMetric } from './presence-from-sound.ts';
import type { ClusterSituation } from './situation.ts';

const settingsSchema = z.strictObject({
  /** Presence below which a camera may sleep, once it has been so for `quietS`; and from which on it is woken at once. */
  sleepBelow: z.number().min(0).max(1).default(0.2),
  wakeAbove: z.number().min(0).max(1).default(0.4),
  quietS: z.number().min(0).default(60),
  /** Score that missing somebody who is there costs, and that a camera which is awake costs. */
  missCost: z.number().min(0).default(1),
  awakeCost: z.number().min(0).default(0.3),
  horizonS: z.number().positive().default(30),
});
const mechanism = 'componentSleep';
const staleMs = 10_000;
const stateSchema = z.array(z.object({ application: z.string(), component: z.string(), sleeps: z.boolean() }));

/** Has cameras sleep while the nodes that they are on predict nobody near, and wakes them when they do. */
class SensorGatedCameras implements Policy<ClusterSituation> {
  readonly name = 'sensor-gated-cameras';
  readonly version = '1';
  readonly #settings: z.infer<typeof settingsSchema>;

  constructor(settings: z.infer<typeof settingsSchema>) {
    this.#settings = settings;
  }

  analyze({ view, window, now }: PolicyInput<ClusterSituation>): Trigger[] {
    const { sleepBelow, wakeAbove, quietS } = this.#settings;
    const states = stateSchema.safeParse(view.mechanisms[mechanism]?.state).data ?? [];
    return placedIn(view).flatMap(({ application, component, from }): Trigger[] => {
      if (!component.sensors?.some(({ camera }) => camera !== undefined)) return [];
      const about = { application: application.name, component: component.metadata.name };
      const state = states.find((one) => one.application === about.application && one.component === about.component);
      const points = window.points({ metric: presenceMetric, node: from }, now - 1000 * quietS);
      const last = points.at(-1);
      if (!state) return [];
      // A node that predicts nothing any more leaves its camera awake: nobody must be missed for a broken microphone.
      if (!last || now - last.time > staleMs)
        return state.sleeps
          ? [{ kind: 'presence-unknown', text: `${from} does not tell whether somebody is near`, ...about }]
          : [];
      if (state.sleeps && last.value > wakeAbove)
        return [{ kind: 'somebody-near', text: `${from} predicts that somebody is near`, ...about }];
      const isLong = points[0]!.time <= now - 1000 * Math.max(quietS - 3, 0);
      if (!state.sleeps && isLong && points.every(({ value }) => value < sleepBelow))
        return [{ kind: 'nobody-near', text: `${from} has predicted nobody near for ${quietS} s`, ...about }];
      return [];
    });
  }

  plan({ view, window, now }: PolicyInput<ClusterSituation>, trigger: Trigger): Proposal | undefined {
    const placed = placedFor(view, trigger);
    if (!placed) return undefined;
    const { missCost, awakeCost, horizonS } = this.#settings;
    const name = placed.component.metadata.name;
    const about = { application: placed.application.name, component: name };
    const sleeps = trigger.kind !== 'nobody-near';
    const book = new PremiseBook(window, now);
    const query = { metric: presenceMetric, node: placed.from };
    const presence =
      trigger.kind === 'presence-unknown'
        ? book.fact('presence', 'Presence', 1, '', `nothing is told by ${placed.from}: somebody may be there`, [0, 1])
        : // Who is to be seen must not wait for a median.
          (book.reading('presence', `Presence near ${placed.from}`, query, { range: [0, 1], overS: sleeps ? 0 : 3 }) ??
          constant(1));
    const awake: Option['terms'] = [{ name: 'Awake', expression: constant(-awakeCost) }];
    const asleep: Option['terms'] = [{ name: 'Missed', expression: multiply(-missCost, presence) }];
    const command = { name: about.application, component: name, command: sleeps ? 'wake' : 'sleep' };
    const rejected = permissionOf(view.mechanisms, mechanism, about);
    const label = sleeps ? `Wake ${name}` : `Have ${name} sleep`;
    return {
      premises: book.premises,
      readings: book.readings,
      options: [
        {
          id: 'stay',
          label: sleeps ? `Let ${name} sleep on` : `Keep ${name} awake`,
          action: { kind: 'stay', component: name, host: placed.from },
          predicted: [{ metric: 'missed', unit: '', deviation: 0, expression: sleeps ? presence : constant(0) }],
          terms: sleeps ? asleep : awake,
        },
        {
          id: sleeps ? 'wake' : 'sleep',
          label,
          action: { kind: 'command', mechanism, command },
          ...(rejected && { rejected }),
          predicted: rejected ? [] : [{ metric: 'missed', unit: '', deviation: 0, expression: sleeps ? constant(0) : presence }],
          terms: rejected ? [] : sleeps ? awake : asleep,
        },
      ],
      stay: 'stay',
      neededMargin: 0,
      coolDownS: 0,
      horizonS,
      commands: ({ action }) => (action.kind === 'command' ? [{ mechanism, command: action.command }] : []),
      outcome: {
        metric: presenceMetric,
        unit: '',
        query,
        // A camera that was awake misses nobody; one that slept missed whom the sound told of.
        term: sleeps
          ? { name: 'Awake', expression: constant(-awakeCost) }
          : { name: 'Missed', expression: multiply(-missCost, subtract({ op: 'premise', id: 'actual' }, 0)) },
      },
    };
  }
}

export const sensorGatedCameras: PolicyFactory<ClusterSituation> = {
  name: 'sensor-gated-cameras',
  summary: 'Has cameras sleep while the sound at their node says that nobody is near, and wakes them when somebody is',
  settings: settingsSchema,
  create: (settings) => new SensorGatedCameras(settingsSchema.parse(settings)),
};
