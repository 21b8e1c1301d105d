import { z } from 'zod';
import type { Sample } from '../bus/messages.ts';
import type { LearntModel } from '../learning/learnt-model.ts';
import { PresenceByLevel } from '../learning/presence-by-level.ts';
import type { Json } from '../mechanisms/mechanism.ts';
import type { Point } from '../telemetry/window.ts';
import type { Policy, PolicyFactory, PolicyInput, Trigger } from './policy.ts';
import type { HostSituation } from './situation.ts';

const settingsSchema = z.strictObject({
  /** Metric of a microphone of this node, dB; and what a camera that is awake tells of those who are there. */
  sound: z.string().default('sound_level_db'),
  presence: z.string().default('people_in_view'),
  /** What grows while a camera is awake, where it tells such a thing: who is told without it was there before it fell asleep. */
  progress: z.string().default('frames_total'),
  /** dB above a quiet surrounding at which somebody is surely there: the heuristic. */
  loudDb: z.number().positive().default(12),
});
type Settings = z.infer<typeof settingsSchema>;

export const presenceMetric = 'presence_probability';
const staleMs = 5000;
/** Readings of each kind that a learnt model rests on. */
const enough = 60;

/**
 * Says how likely it is that somebody is near, by the sound alone, so that cameras may sleep meanwhile. It learns while a camera is awake and tells who is in view;
 * before it has, and in mode 0, it goes by how much louder it is than it is when it is quiet. What it says is telemetry of the node.
 */
class PresenceFromSound implements Policy<HostSituation> {
  readonly name = 'presence-from-sound';
  readonly version = '2';
  readonly #settings: Settings;
  readonly #model: PresenceByLevel;
  #until = 0;
  #node = '';

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#model = new PresenceByLevel(settings.loudDb);
  }

  learn(input: PolicyInput<HostSituation>): void {
    const sound = this.#sound(input);
    if (!sound || sound.time === this.#until) return;
    this.#until = sound.time;
    this.#node = input.view.node;
    this.#model.hear(sound.value);
    const isThere = this.#isSeen(input, sound.time);
    if (isThere !== undefined) this.#model.learn(sound.value, isThere);
  }

  derive(input: PolicyInput<HostSituation>): Sample[] {
    const sound = this.#sound(input);
    if (!sound) return [];
    const isLearnt = input.view.mode === 1 && this.#model.samples >= enough;
    const value = isLearnt ? this.#model.learnt(sound.value) : this.#model.byThumb(sound.value);
    return [{ metric: presenceMetric, value, source: isLearnt ? 'predicted: learnt' : 'predicted: by loudness' }];
  }

  analyze(): Trigger[] {
    return [];
  }
  plan(): undefined {
    return undefined;
  }

  models(): LearntModel[] {
    if (this.#node === '') return [];
    const { samples } = this.#model;
    const by = samples >= enough ? 'counts of levels' : 'loudness';
    const places = [{ node: this.#node, by, samples: Math.floor(samples), meanError: null }];
    const shared = { kind: 'counts of levels', unit: '', enough, isForMode1: true, predicts: { metric: presenceMetric } };
    return [{ key: 'presence', name: `presence near ${this.#node}`, ...shared, places }];
  }

  state(): Json {
    return this.#model.state();
  }
  restore(state: Json): void {
    this.#model.restore(state);
  }

  #sound({ view, window, now }: PolicyInput<HostSituation>): Point | undefined {
    const [latest] = window.latest({ metric: this.#settings.sound, node: view.node });
    return latest && now - latest.time <= staleMs ? latest : undefined;
  }

  /** Whether a camera here sees somebody; undefined where none looks. */
  #isSeen({ view, window }: PolicyInput<HostSituation>, time: number): boolean | undefined {
    const { presence, progress } = this.#settings;
    const seen = window.latest({ metric: presence, node: view.node }).filter((told) => {
      if (Math.abs(told.time - time) > staleMs) return false;
      const { application, component } = told;
      const frames = window.points({ metric: progress, node: view.node, application, component }, time - staleMs);
      return frames.length === 0 || (frames.length > 1 && frames.at(-1)!.value > frames.at(-2)!.value);
    });
    return seen.length === 0 ? undefined : seen.some(({ value }) => value > 0);
  }
}

export const presenceFromSound: PolicyFactory<HostSituation> = {
  name: 'presence-from-sound',
  summary: 'Says by the sound alone how likely it is that somebody is near, so that cameras may sleep meanwhile',
  settings: settingsSchema,
  create: (settings) => new PresenceFromSound(settingsSchema.parse(settings)),
};
