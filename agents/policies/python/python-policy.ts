import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import type { Log } from '../../config.ts';
import { constant } from '../../decision/expression.ts';
import type { Premise } from '../../decision/record.ts';
import { type ComponentDescription, permits } from '../../descriptions/application.ts';
import { unitOf } from '../../descriptions/common.ts';
import type { Json } from '../../mechanisms/mechanism.ts';
import { placementCommand } from '../commands.ts';
import { rejectionOf } from '../constraints.ts';
import { type FilePolicy, type PolicyFailure, restMs } from '../file-policy.ts';
import type { Option, PolicyInput, Proposal, Trigger } from '../policy.ts';
import type { ClusterSituation } from '../situation.ts';
import { argumentsOf, frameOf, metricsOf } from './arguments.ts';
import { type Frame, type PythonPolicyAbout, PythonProcess, type PythonProcessOptions } from './python-process.ts';
import { changeOf, commandOf, type Wish } from './wish.ts';

/** A decision by a file of the framework: it says what to do, not why. */
export const policyFileTrigger = 'policy-file';

const fluiditySchema = z.object({
  name: z.string(),
  deployment_plan: z.object({ initial_plan: z.boolean().default(false) }).catchall(z.array(z.record(z.string(), z.json()))),
});

export interface PythonPolicyOptions extends Omit<PythonProcessOptions, 'file' | 'onLine'> {
  log: Log;
  /** Endpoint that policies are given as `ml_connector`. */
  modelEndpoint?: string;
  /** Called when a plan is there, so that the loop need not wait for its next tick. */
  onPlan?: () => void;
  /** Given what resolves when the file that was just asked has answered, or failed to. */
  onAsk?: (answer: Promise<void>) => void;
}

/**
 * A policy file of the framework (`policy-<name>.py`), unchanged, behind the policy API: its `analyze` and `plan` run beside the loop at its own
 * interval, and what it asks for becomes a decision, held against `permitted_actions` and the constraints of every other policy.
 */
export class PythonPolicy implements FilePolicy<ClusterSituation> {
  readonly kind = 'python';
  readonly summary = '';
  readonly name: string;
  readonly version: string;
  readonly #file: string;
  readonly #about: PythonPolicyAbout;
  readonly #process: PythonProcess;
  readonly #options: PythonPolicyOptions;
  /** When each application ("" for all) is looked at again, and which are being looked at. */
  readonly #due = new Map<string, number>();
  readonly #busy = new Set<string>();
  #failure: PolicyFailure | null = null;
  #wishes: Wish[] = [];
  /** Specifications that took the place of those of the description, by application and component. */
  readonly #respecified = new Map<string, ComponentDescription>();

  /** Reads and checks a file. @throws PythonPolicyError when it cannot be run */
  static async load(file: string, options: PythonPolicyOptions): Promise<PythonPolicy> {
    const source = await readFile(file);
    const onLine = (line: string) => options.log('info', line, { policy: basename(file) });
    const process = new PythonProcess({ ...options, file, onLine });
    try {
      return new PythonPolicy(
        file,
        createHash('sha256').update(source).digest('hex').slice(0, 12),
        process,
        await process.about(),
        options,
      );
    } catch (error) {
      process.close();
      throw error;
    }
  }

  private constructor(
    file: string,
    version: string,
    process: PythonProcess,
    about: PythonPolicyAbout,
    options: PythonPolicyOptions,
  ) {
    this.name = basename(file)
      .replace(/^policy-/, '')
      .replace(/\.py$/, '');
    this.version = version;
    this.#file = basename(file);
    this.#process = process;
    this.#about = about;
    this.#options = options;
  }

  close(): void {
    this.#process.close();
  }

  get failure(): PolicyFailure | null {
    return this.#failure;
  }

  async askNow(input: PolicyInput<ClusterSituation>): Promise<void> {
    const names = this.#about.scope === 'global' ? [null] : input.view.applications.map(({ description }) => description.name);
    for (const name of names) await this.#ask(input, name);
  }

  analyze(input: PolicyInput<ClusterSituation>): Trigger[] {
    const { view } = input;
    if (this.#about.scope === 'global') this.#look(input, null);
    else for (const { description } of view.applications) this.#look(input, description.name);
    const known = new Set(view.applications.map(({ description }) => description.name));
    this.#wishes = this.#wishes.filter(({ application }) => known.has(application));
    return this.#wishes.map(({ application, component }) => ({
      kind: policyFileTrigger,
      text: `${this.#file} asked for it`,
      application,
      component,
    }));
  }

  plan({ view, window, now }: PolicyInput<ClusterSituation>, trigger: Trigger): Proposal | undefined {
    const wish = this.#wishes.find(
      ({ application, component }) => application === trigger.application && component === trigger.component,
    );
    if (!wish) return undefined;
    this.#wishes = this.#wishes.filter((other) => other !== wish);
    const application = view.applications.find(({ description }) => description.name === wish.application)?.description;
    const component = application?.components.find(({ metadata }) => metadata.name === wish.component);
    if (!application || !component) return undefined;
    const here = view.components.find((one) => one.application === wish.application && one.component === wish.component)?.pin;
    const thing = `${wish.application}/${wish.component}`;
    const change = changeOf(wish, this.#respecified.get(thing) ?? component, here ?? null);
    // What is so already needs no decision: files that ask again and again are no news.
    if (change === null) return undefined;
    const { action } = change;
    const target = action.kind === 'deploy' ? action.host : action.kind === 'move' ? action.to : undefined;
    const node = view.nodes.find(({ name }) => name === target);
    const forbidden = change.needs.find((needed) => !permits(application, needed));
    const rejected =
      change.unsupported !== undefined
        ? { rule: 'unsupported', reason: change.unsupported }
        : target !== undefined && node === undefined
          ? { rule: 'unknown-host', reason: `there is no node ${target} in ${view.cluster}` }
          : forbidden !== undefined
            ? { rule: 'permitted_actions', reason: `${application.name} does not permit ${forbidden}` }
            : node && rejectionOf(node, application, component, view, now);
    const stay: Option = {
      id: 'stay',
      label: here ? `Stay on ${here}` : 'Leave it without a node',
      action: { kind: 'stay', component: wish.component, ...(here && { host: here }) },
      predicted: [],
      terms: [{ name: 'Policy file', expression: constant(0) }],
    };
    const asked: Option = {
      id: 'asked',
      label: change.label,
      action,
      ...(rejected && { rejected }),
      predicted: [],
      terms: [{ name: 'Policy file', expression: constant(1) }],
    };
    const premises = premisesOf(wish.shown, this.#file, now);
    return {
      premises,
      options: [stay, asked],
      stay: 'stay',
      neededMargin: 0,
      coolDownS: 0,
      horizonS: 30,
      commands: () => {
        if (change.spec) this.#respecified.set(thing, change.spec);
        return [placementCommand(wish.application, wish.component, commandOf(action, wish.action), wish.isInitial)];
      },
      readings: Object.fromEntries(
        premises.flatMap(({ id }) => (window.latest({ metric: id }).length > 0 ? [[id, { metric: id }]] : [])),
      ),
    };
  }

  /** Lets the file look at an application (null: at all of them) when it is due, beside the loop. */
  #look(input: PolicyInput<ClusterSituation>, application: string | null): void {
    const key = application ?? '';
    if (this.#busy.has(key) || (this.#due.get(key) ?? 0) > input.now) return;
    this.#busy.add(key);
    const asking = this.#ask(input, application)
      .then(() => {
        this.#failure = null;
      })
      .catch((error: unknown) => {
        const text = error instanceof Error ? error.message : String(error);
        const isNews = this.#failure?.text !== text;
        this.#failure = { at: input.now, text, count: (this.#failure?.count ?? 0) + 1 };
        this.#due.set(key, input.now + Math.max(intervalMs(this.#about.interval), restMs(this.#failure.count)));
        if (!isNews) return;
        this.#options.log('error', `policy ${this.name} failed`, { error: text, ...(application !== null && { application }) });
      })
      .finally(() => this.#busy.delete(key));
    this.#options.onAsk?.(asking);
  }

  async #ask({ view, window, now }: PolicyInput<ClusterSituation>, name: string | null): Promise<void> {
    const applications =
      name === null ? view.applications : view.applications.filter(({ description }) => description.name === name);
    const frame = frameOf(window, [...this.#about.metrics, ...applications.flatMap(metricsOf)], now, name ?? undefined);
    const given = argumentsOf(view, applications, frame, this.#options.modelEndpoint ?? null);
    const analyzed = await this.#process.analyze(name, given);
    let { interval } = analyzed;
    if (analyzed.adapt) {
      const planned = await this.#process.plan(name, given);
      interval = planned.interval;
      const wishes = this.#wishesOf(planned.plan, frame);
      this.#wishes = [...this.#wishes.filter((old) => !wishes.some((fresh) => isSame(old, fresh))), ...wishes];
      if (wishes.length > 0) this.#options.onPlan?.();
    }
    this.#due.set(name ?? '', now + intervalMs(interval));
  }

  #wishesOf(plan: Record<string, Json>, shown: Frame): Wish[] {
    return Object.entries(plan).flatMap(([mechanism, command]) => {
      const parsed = mechanism === 'fluidity' ? fluiditySchema.safeParse(command) : undefined;
      if (!parsed?.success) {
        const why = parsed ? z.prettifyError(parsed.error).split('\n')[0] : 'there is no such mechanism in this agent';
        this.#options.log('warn', `policy ${this.name} asked for something of "${mechanism}" that cannot be done`, { why });
        return [];
      }
      const { name, deployment_plan: deployment } = parsed.data;
      return Object.entries(deployment).flatMap(([component, actions]) =>
        Array.isArray(actions)
          ? actions.map((action): Wish => ({ application: name, component, action, isInitial: deployment.initial_plan, shown }))
          : [],
      );
    });
  }
}

const isSame = (a: Wish, b: Wish): boolean => a.application === b.application && a.component === b.component;

/** What the file was shown last of each metric. It says nothing of what it made of them: they weigh nothing in the score. */
function premisesOf({ columns, rows }: Frame, file: string, now: number): Premise[] {
  return columns.slice(1).flatMap((metric, index): Premise[] => {
    const row = rows.findLast((one) => one[index + 1] !== null);
    const value = row?.[index + 1];
    if (!row || value === null || value === undefined) return [];
    const values = rows.flatMap((one) => one[index + 1] ?? []).sort((a, b) => a - b);
    return [
      {
        id: metric,
        name: metric,
        value,
        unit: unitOf(metric),
        at: Math.min(now, (row[0] ?? 0) * 1000),
        source: `${metric}, as ${file} was shown it`,
        usual: values[Math.floor(values.length / 2)] ?? value,
      },
    ];
  });
}

/** "5s", "10m", "2h", "1d" in ms; "0s" (once) is never again, and what cannot be read counts as 10 s. */
export function intervalMs(interval: string): number {
  const match = /^(\d+)([smhd])$/.exec(interval.trim());
  if (!match) return 10_000;
  const unit = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as 's' | 'm' | 'h' | 'd'];
  return Number(match[1]) === 0 ? Number.POSITIVE_INFINITY : Number(match[1]) * unit;
}
