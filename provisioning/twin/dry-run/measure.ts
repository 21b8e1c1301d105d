import type { Log } from '../../../agents/config.ts';
import { type DecisionRecord, isAct } from '../../../agents/decision/record.ts';
import type { ApplicationDescription } from '../../../agents/descriptions/application.ts';
import { unitOf } from '../../../agents/descriptions/common.ts';
import type { PodView } from '../../../agents/orchestration/pod-view.ts';
import { type Behaviours, cameraBehaviours } from '../simulation/behaviour.ts';
import { roleOf } from '../simulation/workload.ts';
import type { World } from '../simulation/world.ts';
import type { DryRunDecision, DryRunSide } from './result.ts';

/** Parts that the course of a latency is told in. */
const courseParts = 120;
/** Decisions that are told one by one; acts are told before others. */
const mostActs = 150;
const mostOthers = 50;
const mostPrinted = 50;
/** Pods need a moment to be there at first. */
const warmUpMs = 2000;

interface Target {
  application: string;
  component: string;
  metric: string;
  target: number;
  isStrict: boolean;
  isSimulated: boolean;
  looks: number;
  over: number;
  sum: number;
  served: number;
  worst: number | null;
  course: { sum: number; count: number }[];
}

export interface MeasureOptions {
  startAt: number;
  minutes: number;
  applications: readonly ApplicationDescription[];
  /** The pod that does a component's work now. */
  servingOf: (application: string, component: string) => PodView | undefined;
  world: World;
  behaviours: Behaviours;
}

/** What comes of one side of a dry run: decisions as they are told, and how the physics go. */
export class DryRunMeasure {
  readonly #options: MeasureOptions;
  readonly #targets: Target[];
  readonly #decisions = new Map<string, DecisionRecord>();
  readonly #failures = new Map<string, DryRunSide['failures'][number]>();
  readonly #printed: string[] = [];
  #joules = 0;

  constructor(options: MeasureOptions) {
    this.#options = options;
    this.#targets = options.applications.flatMap((application) => targetsOf(application, options.behaviours));
  }

  hear(record: DecisionRecord): void {
    const known = this.#decisions.get(record.id);
    if (!known || known.revision < record.revision) this.#decisions.set(record.id, record);
  }

  /** What agents write to their logs: policies that fail, and what files print. */
  log(agent: string, level: Parameters<Log>[0], text: string, details: Record<string, unknown> = {}): void {
    const { policy, error } = details;
    if (level === 'info' && typeof policy === 'string') {
      if (this.#printed.length < mostPrinted) this.#printed.push(`${policy}: ${text}`);
      return;
    }
    const [, name] = /^policy ([\w-]+) failed$/.exec(text) ?? [];
    if (level !== 'error') return;
    const said = typeof error === 'string' ? error : text;
    this.#failures.set(`${agent} ${name} ${said}`, {
      agent,
      policy: name ?? '',
      text: name === undefined ? `${text}: ${said}` : said,
    });
  }

  /** The physics of the last `stepMs`. */
  look(now: number, stepMs: number): void {
    const { startAt, minutes, servingOf, world } = this.#options;
    for (const watts of world.powerW) this.#joules += (watts * stepMs) / 1000;
    if (now - startAt < warmUpMs) return;
    const part = Math.min(courseParts - 1, Math.floor(((now - startAt) / (minutes * 60_000)) * courseParts));
    for (const target of this.#targets) {
      if (!target.isSimulated) continue;
      const pod = servingOf(target.application, target.component);
      const value = pod && world.toldBy(pod.uid).find(([metric]) => metric === target.metric)?.[1];
      target.looks++;
      if (value === undefined) {
        // What nobody serves has missed its target too.
        target.over++;
        continue;
      }
      if (target.isStrict ? value >= target.target : value > target.target) target.over++;
      target.served++;
      target.sum += value;
      target.worst = Math.max(target.worst ?? value, value);
      const cell = target.course[part]!;
      cell.sum += value;
      cell.count++;
    }
  }

  side(rest: Pick<DryRunSide, 'policies' | 'placement'>): DryRunSide {
    const all = [...this.#decisions.values()].sort((a, b) => a.time - b.time);
    const acts = all.filter(isAct);
    const done = acts.filter(({ plan }) => plan?.status === 'completed');
    const kindOf = ({ candidates, choice }: DecisionRecord) => candidates.find(({ id }) => id === choice)?.action.kind;
    const moves = done.filter((record) => kindOf(record) === 'move').length;
    const shown = new Set([...acts.slice(0, mostActs), ...all.filter((record) => !isAct(record)).slice(0, mostOthers)]);
    return {
      ...rest,
      targets: this.#targets.map(
        ({ application, component, metric, target, isSimulated, looks, over, sum, served, worst, course }) => ({
          application,
          component,
          metric,
          unit: unitOf(metric),
          target,
          overTarget: isSimulated && looks > 0 ? over / looks : null,
          mean: served > 0 ? sum / served : null,
          worst,
          course: course.map(({ sum: of, count }) => (count > 0 ? of / count : null)),
        }),
      ),
      decided: all.length,
      acts: acts.length,
      moves,
      changes: done.length - moves,
      failedPlans: acts.filter(({ plan }) => plan?.status === 'failed').length,
      energyWh: this.#joules / 3600,
      decisions: all.filter((record) => shown.has(record)).map((record) => this.#line(record)),
      failures: [...this.#failures.values()],
      printed: this.#printed,
    };
  }

  #line(record: DecisionRecord): DryRunDecision {
    const { id, time, agent, policy, application, component, plan, margin, title, sentence } = record;
    return {
      id,
      atS: (time - this.#options.startAt) / 1000,
      agent: agent.id,
      policy: policy.name,
      application: application ?? null,
      component: component ?? null,
      isAct: isAct(record),
      status: plan?.status ?? null,
      margin,
      title,
      sentence,
    };
  }
}

/** Targets that something stays below, and whether the simulation has their metrics. */
function targetsOf({ name: application, components }: ApplicationDescription, behaviours: Behaviours): Target[] {
  return components.flatMap(({ metadata: { name: component }, qos_metrics, containers }) => {
    const role = roleOf(containers ?? []);
    const tells = (behaviours(application, component) ?? (role && cameraBehaviours[role]))?.tells ?? {};
    return (qos_metrics ?? [])
      .filter(({ relation }) => relation === 'lower_or_equal' || relation === 'lower_than')
      .map(
        ({ application_metric_id: metric, target, relation }): Target => ({
          application,
          component,
          metric,
          target,
          isStrict: relation === 'lower_than',
          isSimulated: metric in tells,
          looks: 0,
          over: 0,
          sum: 0,
          served: 0,
          worst: null,
          course: Array.from({ length: courseParts }, () => ({ sum: 0, count: 0 })),
        }),
      );
  });
}
