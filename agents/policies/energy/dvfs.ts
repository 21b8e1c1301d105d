import { z } from 'zod';
import {
  add,
  atLeastZero,
  constant,
  divide,
  type Expression,
  minimum,
  multiply,
  premise,
  subtract,
} from '../../decision/expression.ts';
import type { Premise } from '../../decision/record.ts';
import { unitOf } from '../../descriptions/common.ts';
import type { LearntModel, LearntPlace } from '../../learning/learnt-model.ts';
import {
  enoughPowerSamples,
  LearntPower,
  meanPower,
  measuredPower,
  measuredProcessors,
  type PowerPrediction,
  publishedSlowDown,
} from '../../learning/power.ts';
import { RecursiveLeastSquares, recursiveLeastSquaresStateSchema } from '../../learning/recursive-least-squares.ts';
import type { Json } from '../../mechanisms/mechanism.ts';
import type { Option, Policy, PolicyFactory, PolicyInput, Proposal, Trigger } from '../policy.ts';
import type { HostSituation } from '../situation.ts';

const processors = Object.keys(measuredProcessors) as (keyof typeof measuredProcessors)[];
const settingsSchema = z.strictObject({
  /** Targets of latencies that components on this host must keep, ms, by metric. */
  targets: z.record(z.string(), z.number().positive()).default({ frame_classify_latency_ms: 50 }),
  /** What latencies grow with, and how much more of it there must be room for. */
  covariate: z.string().default('people_in_view'),
  headroom: z.number().min(0).default(1),
  /** Published power model of this processor; without it power is learnt from power_w. */
  processor: z.enum(processors as [keyof typeof measuredProcessors]).optional(),
  /** What the work of that processor is bound by, for the published slow-downs; without it, it takes as much longer as the processor is slower. */
  work: z.enum(['memory', 'hybrid', 'compute']).optional(),
  /** Power of a host that sleeps whenever it has nothing to do, W; without it the host idles. */
  sleepW: z.number().min(0).optional(),
  /** Share of the power at the highest frequency that a change must save. */
  margin: z.number().min(0).default(0.01),
  horizonS: z.number().positive().default(10),
  /** A component that has just come has the highest frequency until it tells its latency, for so long at most. */
  arrivalS: z.number().min(0).default(20),
});
type Settings = z.infer<typeof settingsSchema>;

const mechanism = 'CPUFrequencyConfigurator';
const staleMs = 5000;
const enoughLatencies = 30;
const savedSchema = z.record(
  z.string(),
  z.object({ model: recursiveLeastSquaresStateSchema, frequencies: z.array(z.number().positive()) }),
);
const forgetting = 0.999;
const optionsSchema = z.array(z.object({ frequencies: z.array(z.number().positive()) }));

interface Target {
  metric: string;
  target: number;
  application: string;
  component: string;
}

/**
 * The frequency that costs the least energy while latencies keep their targets: race to idle, or slow and steady. How latency answers to
 * frequency is learnt; before other frequencies were seen it rests on the assumption that the work is bound by the processor alone.
 */
class Dvfs implements Policy<HostSituation> {
  readonly name = 'dvfs';
  readonly version = '1';
  readonly #settings: Settings;
  readonly #power = new LearntPower();
  readonly #latency = new Map<string, RecursiveLeastSquares>();
  readonly #frequencies = new Map<string, Set<number>>();
  readonly #until = new Map<string, number>();
  #node = '';
  /** When each component of this host was first seen here. */
  #since = new Map<string, number>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  learn({ view, window, now }: PolicyInput<HostSituation>): void {
    this.#node = view.node;
    this.#since = new Map(view.components.map((one) => [placeOf(one), this.#since.get(placeOf(one)) ?? now]));
    const of = (metric: string) => window.latest({ metric, node: view.node, component: '' })[0];
    const [power, used, ghz] = [of('power_w'), of('cpu_used_ratio'), of('cpu_frequency_ghz')];
    if (!ghz) return;
    if (power && used && power.time === ghz.time && this.#isNew('power', power.time))
      this.#power.learn(used.value, ghz.value, power.value);
    for (const target of this.#targets(view)) {
      const { metric, application, component } = target;
      const latency = window.latest({ metric, node: view.node, application, component })[0];
      const covariate = window.latest({ metric: this.#settings.covariate, node: view.node, application, component })[0];
      if (!latency || covariate?.time !== latency.time || ghz.time !== latency.time) continue;
      const key = keyOf(target);
      if (!this.#isNew(key, latency.time)) continue;
      this.#modelOf(key).update(features(covariate.value, ghz.value), latency.value);
      this.#frequencies.set(key, (this.#frequencies.get(key) ?? new Set()).add(ghz.value));
    }
  }

  analyze({ view, window, now }: PolicyInput<HostSituation>): Trigger[] {
    const ghz = window.latest({ metric: 'cpu_frequency_ghz', node: view.node, component: '' })[0];
    if (!ghz || now - ghz.time > staleMs || frequenciesGHz(view).length < 2) return [];
    return [{ kind: 'frequency-review', text: `whether ${view.node} runs at the frequency that costs the least energy` }];
  }

  plan({ view, window, now }: PolicyInput<HostSituation>, _trigger: Trigger): Proposal | undefined {
    const { sleepW, headroom, covariate, margin, horizonS } = this.#settings;
    const premises: Premise[] = [];
    const readings: Proposal['readings'] = {};
    const read = (
      id: string,
      name: string,
      unit: string,
      query: Parameters<typeof window.latest>[0],
      range: [number, number],
    ) => {
      const latest = window.latest(query)[0];
      if (!latest || now - latest.time > staleMs) return undefined;
      readings[id] = query;
      const source = `${query.metric} of ${latest.component ? `${latest.component} on ` : ''}${view.node}`;
      premises.push({
        id,
        name,
        unit,
        value: latest.value,
        at: latest.time,
        source,
        usual: window.usual(query) ?? latest.value,
        range,
      });
      return latest.value;
    };
    const ofNode = (metric: string) => ({ metric, node: view.node, component: '' });
    const utilisation = read('utilisation', `Load of ${view.node}`, '', ofNode('cpu_used_ratio'), [0, 1]);
    const ghzNow = read('frequency', 'Frequency', 'GHz', ofNode('cpu_frequency_ghz'), [0.1, 6]);
    const frequencies = frequenciesGHz(view);
    const top = frequencies.at(-1);
    if (utilisation === undefined || ghzNow === undefined || top === undefined) return undefined;
    const targets = this.#targets(view).flatMap((target, index) => {
      const { metric, application, component } = target;
      if (window.latest({ metric, node: view.node, application, component }).every(({ time }) => now - time > staleMs)) return [];
      const id = `covariate:${index}`;
      const query = { metric: covariate, node: view.node, application, component };
      return read(id, `${covariate} of ${component}`, '', query, [0, 14]) === undefined ? [] : [{ ...target, id }];
    });
    const coming = view.components.find(
      (one) =>
        now - (this.#since.get(placeOf(one)) ?? now) < 1000 * this.#settings.arrivalS &&
        !targets.some(({ application, component }) => application === one.application && component === one.component),
    );
    // Without knowing how a latency goes with the load, a lower frequency would be a guess: it is learnt at the highest.
    const isKnown = targets.every((target) => this.#modelOf(keyOf(target)).samples >= enoughLatencies);
    const powerAt = (ghz: number): PowerPrediction | undefined =>
      this.#settings.processor ? measuredPower(this.#settings.processor, ghz) : this.#power.at(ghz, utilisation);
    const atTop = powerAt(top);
    if (!atTop) return undefined;
    const here = frequencies.reduce((best, one) => (Math.abs(one - ghzNow) < Math.abs(best - ghzNow) ? one : best));
    const topW = atTop.idleW + atTop.busyW * Math.min(1, (utilisation * ghzNow) / top);
    premises.push(
      {
        id: 'powerTop',
        name: `Power at ${top} GHz (${atTop.source})`,
        value: topW,
        unit: 'W',
        at: now,
        source: atTop.source,
        usual: topW,
      },
      ...targets.map((one) => {
        const { id, component, target } = one;
        const seen = this.#frequencies.get(keyOf(one))?.size ?? 0;
        const source = seen > 1 ? 'learnt' : 'assumption: bound by the processor alone';
        return {
          id: `target:${id}`,
          name: `Target of ${component} (${source})`,
          value: target,
          unit: 'ms',
          at: now,
          source,
          usual: target,
        };
      }),
    );
    const options = frequencies.map((ghz): Option => {
      const isHere = ghz === here;
      const power = powerAt(ghz) ?? atTop;
      // The same work takes a longer share of the time at a lower frequency.
      const slower = this.#slowDown(ghz, here);
      const busy =
        slower === undefined
          ? minimum(1, divide(multiply(premise('utilisation'), premise('frequency')), ghz))
          : minimum(1, multiply(premise('utilisation'), slower));
      const watts = meanPower(power, busy, sleepW);
      const latencies = (isKnown ? targets : []).map((target) => {
        const model = this.#modelOf(keyOf(target));
        const value = premises.find(({ id }) => id === target.id)!.value;
        const { deviation } = model.predict(features(value + headroom, ghz));
        const of = (extra: number) => latencyAt(model, add(premise(target.id), extra), ghz);
        const over = atLeastZero(subtract(add(of(headroom), 2 * deviation), premise(`target:${target.id}`)));
        return { target, deviation, expected: of(0), term: multiply(-20, divide(over, premise(`target:${target.id}`))) };
      });
      return {
        id: isHere ? 'stay' : `at:${ghz}`,
        label: isHere ? `Stay at ${ghz} GHz` : `${wayOf(ghz, top, sleepW)} ${ghz} GHz`,
        action: isHere ? { kind: 'stay', host: view.node } : { kind: 'command', mechanism, command: commandOf(ghz) },
        predicted: [
          { metric: 'power_w', unit: 'W', deviation: power.deviation, expression: watts },
          ...latencies.map(({ target, deviation, expected }) => ({
            metric: target.metric,
            unit: 'ms',
            deviation,
            expression: expected,
          })),
        ],
        terms: [
          { name: 'Energy', expression: multiply(-1, divide(watts, premise('powerTop'))) },
          ...(coming && ghz !== top ? [{ name: `${coming.component} has just come`, expression: constant(-1) }] : []),
          ...(isKnown || ghz === top ? [] : [{ name: 'Latency not known yet', expression: constant(-1) }]),
          ...latencies.map(({ target, term }) => ({ name: `QoS of ${target.component}`, expression: term })),
        ],
      };
    });
    return {
      premises,
      options,
      stay: 'stay',
      neededMargin: margin,
      coolDownS: 0,
      horizonS,
      commands: ({ action }) => (action.kind === 'command' ? [{ mechanism, command: action.command }] : []),
      readings,
      outcome: {
        metric: 'power_w',
        unit: 'W',
        query: ofNode('power_w'),
        term: { name: 'Energy', expression: multiply(-1, divide(premise('actual'), premise('powerTop'))) },
      },
    };
  }

  models(): LearntModel[] {
    const node = this.#node;
    const placed = (samples: number, weights: LearntPlace['weights']) => [
      { node, by: 'least squares', samples, meanError: null, weights },
    ];
    const shared = { kind: 'least squares', isForMode1: false };
    const latencies = [...this.#latency].map(
      ([
        key,
        {
          samples,
          weights: [base = 0, fixed = 0, scaled = 0],
        },
      ]): LearntModel => {
        const [application, component, metric = ''] = key.split('/');
        const name = `${metric} of ${application}/${component} by frequency`;
        const unit = unitOf(metric);
        const x = metricWords(this.#settings.covariate);
        const weights = [
          { feature: 'Base', value: base, unit },
          { feature: x, value: fixed, unit: `${unit} each` },
          { feature: `${x} by frequency`, value: scaled, unit: `${unit} each at 1 GHz` },
        ];
        const predicts = { metric, application, component };
        return { ...shared, key, name, unit, enough: enoughLatencies, predicts, places: placed(samples, weights) };
      },
    );
    const {
      samples,
      weights: [idle = 0, perGHz = 0, perCube = 0],
    } = this.#power;
    if (samples === 0) return latencies;
    const places = placed(samples, [
      { feature: 'Idle', value: idle, unit: 'W' },
      { feature: 'Load by frequency', value: perGHz, unit: 'W at full load and 1 GHz' },
      { feature: 'Load by frequency cubed', value: perCube, unit: 'W at full load and 1 GHz' },
    ]);
    const predicts = { metric: 'power_w' };
    return [
      ...latencies,
      { ...shared, key: 'power', name: `power of ${node}`, unit: 'W', enough: enoughPowerSamples, predicts, places },
    ];
  }

  state(): Json {
    return Object.fromEntries(
      [...this.#latency].map(([key, model]) => [
        key,
        { model: model.state(), frequencies: [...(this.#frequencies.get(key) ?? [])] },
      ]),
    );
  }

  restore(state: Json): void {
    for (const [key, { model, frequencies }] of Object.entries(savedSchema.parse(state))) {
      this.#latency.set(key, RecursiveLeastSquares.restore(model, forgetting));
      this.#frequencies.set(key, new Set(frequencies));
    }
  }

  #targets(view: HostSituation): Target[] {
    return view.components.flatMap(({ application, component }) =>
      Object.entries(this.#settings.targets).map(([metric, target]) => ({ metric, target, application, component })),
    );
  }

  #isNew(key: string, time: number): boolean {
    if (this.#until.get(key) === time) return false;
    this.#until.set(key, time);
    return true;
  }

  /** How much longer work takes at a frequency than at the one of now, as published; undefined where nothing is. */
  #slowDown(ghz: number, now: number): number | undefined {
    const { processor, work } = this.#settings;
    return processor && work ? publishedSlowDown(processor, work, ghz) / publishedSlowDown(processor, work, now) : undefined;
  }

  /** Latency = w₀ + w₁·x + w₂·x/f: what hangs on the frequency, and (for work that waits for memory) what does not, supposed to be little. */
  #modelOf(key: string): RecursiveLeastSquares {
    const model =
      this.#latency.get(key) ??
      new RecursiveLeastSquares({ weights: [5, 0, 40], deviations: [20, 3, 60], noise: 1.5 }, forgetting);
    this.#latency.set(key, model);
    return model;
  }
}

/** A host that sleeps when it is done may be quick about it, or take its time; one that idles anyway has nothing to race for. */
const wayOf = (ghz: number, top: number, sleepW: number | undefined): string =>
  sleepW === undefined ? 'Run at' : ghz === top ? 'Race to idle at' : 'Slow and steady at';

const metricWords = (metric: string): string => metric.charAt(0).toUpperCase() + metric.slice(1).replaceAll('_', ' ');
const features = (covariate: number, ghz: number): number[] => [1, covariate, covariate / ghz];
const latencyAt = ({ weights: [base = 0, fixed = 0, scaled = 0] }: RecursiveLeastSquares, covariate: Expression, ghz: number) =>
  add(base, multiply(fixed + scaled / ghz, covariate));
const placeOf = ({ application, component }: { application: string; component: string }): string => `${application}/${component}`;
const keyOf = ({ application, metric, component }: Target): string => `${application}/${component}/${metric}`;
const commandOf = (ghz: number) => ({ command: 'set', cpu: 'all', frequency: Math.round(ghz * 1e9) });

/** Ascending; empty where none can be set. */
function frequenciesGHz({ mechanisms }: HostSituation): number[] {
  const options = optionsSchema.safeParse(mechanisms[mechanism]?.options);
  if (!options.success) return [];
  return [...new Set(options.data.flatMap(({ frequencies }) => frequencies.map((hertz) => hertz / 1e9)))].sort((a, b) => a - b);
}

export const dvfs: PolicyFactory<HostSituation> = {
  name: 'dvfs',
  summary: 'Runs the processor at the frequency that costs the least energy while latencies keep their targets',
  settings: settingsSchema,
  create: (settings) => new Dvfs(settingsSchema.parse(settings)),
};
