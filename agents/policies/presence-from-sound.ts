import { z } from 'zod';
import type { Sample } from '../bus/messages.ts';
import type { Json } from '../mechanisms/mechanism.ts';
import type { Policy, PolicyFactory, PolicyInput, Trigger } from './policy.ts';
import type { HostSituation } from './situation.ts';

const settingsSchema = z.strictObject({
  /** Metric of a microphone of this node, dB; and what a camera that is awake tells of those who are there. */
  sound: z.string().default('sound_level_db'),
  presence: z.string().default('people_in_view'),
  /** dB above a quiet surrounding at which somebody is surely there: the heuristic. */
  loudDb: z.number().positive().default(12),
});
type Settings = z.infer<typeof settingsSchema>;

export const presenceMetric = 'presence_probability';
const staleMs = 5000;
/** Readings of each kind that a learnt model rests on. */
const enough = 60;
const learningRate = 0.05;
const savedSchema = z.object({
  weights: z.tuple([z.number(), z.number()]),
  quiet: z.number(),
  seen: z.tuple([z.number(), z.number()]),
});

/**
 * Says how likely it is that somebody is near, by the sound alone, so that cameras may sleep meanwhile: a logistic regression that learns while a camera is awake
 * and tells who is in view; before it has, and in mode 0, by how much louder it is than it is when it is quiet. What it says is telemetry of the node.
 */
class PresenceFromSound implements Policy<HostSituation> {
  readonly name = 'presence-from-sound';
  readonly version = '1';
  readonly #settings: Settings;
  #weights: [number, number] = [0, 0];
  /** Level when it is quiet, dB: the origin of what is learnt. */
  #quiet = Number.POSITIVE_INFINITY;
  /** Readings without and with somebody. */
  #seen: [number, number] = [0, 0];
  #until = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  learn(input: PolicyInput<HostSituation>): void {
    const sound = this.#sound(input);
    if (!sound || sound.time === this.#until) return;
    this.#until = sound.time;
    // Down at once, up slowly: a quiet hour says more of what quiet is than a loud one.
    this.#quiet = Number.isFinite(this.#quiet) ? Math.min(this.#quiet + 0.001, sound.value) : sound.value;
    const [told] = input.window.latest({ metric: this.#settings.presence, node: input.view.node });
    if (!told || Math.abs(told.time - sound.time) > staleMs) return;
    const isThere = told.value > 0 ? 1 : 0;
    this.#seen[isThere]++;
    const x = this.#scaled(sound.value);
    const error = isThere - this.#learnt(x);
    this.#weights = [this.#weights[0] + learningRate * error, this.#weights[1] + learningRate * error * x];
  }

  derive(input: PolicyInput<HostSituation>): Sample[] {
    const sound = this.#sound(input);
    if (!sound) return [];
    const x = this.#scaled(sound.value);
    const isLearnt = input.view.mode === 1 && Math.min(...this.#seen) >= enough;
    const value = isLearnt ? this.#learnt(x) : Math.min(Math.max(x, 0), 1);
    return [{ metric: presenceMetric, value, source: isLearnt ? 'predicted: learnt' : 'predicted: by loudness' }];
  }

  analyze(): Trigger[] {
    return [];
  }
  plan(): undefined {
    return undefined;
  }

  state(): Json {
    return { weights: this.#weights, quiet: Number.isFinite(this.#quiet) ? this.#quiet : 0, seen: this.#seen };
  }
  restore(state: Json): void {
    const { weights, quiet, seen } = savedSchema.parse(state);
    this.#weights = weights;
    this.#quiet = seen[0] + seen[1] > 0 ? quiet : this.#quiet;
    this.#seen = seen;
  }

  #sound({ view, window, now }: PolicyInput<HostSituation>): { time: number; value: number } | undefined {
    const [latest] = window.latest({ metric: this.#settings.sound, node: view.node });
    if (!latest || now - latest.time > staleMs) return undefined;
    return {
      time: latest.time,
      value: window.usual({ metric: this.#settings.sound, node: view.node }, now - 3000) ?? latest.value,
    };
  }

  /** 0 when it is quiet, 1 at `loudDb` above it. */
  #scaled(db: number): number {
    return Number.isFinite(this.#quiet) ? (db - this.#quiet) / this.#settings.loudDb : 0;
  }

  #learnt(x: number): number {
    return 1 / (1 + Math.exp(-(this.#weights[0] + this.#weights[1] * x)));
  }
}

export const presenceFromSound: PolicyFactory<HostSituation> = {
  name: 'presence-from-sound',
  summary: 'Says by the sound alone how likely it is that somebody is near, so that cameras may sleep meanwhile',
  settings: settingsSchema,
  create: (settings) => new PresenceFromSound(settingsSchema.parse(settings)),
};
