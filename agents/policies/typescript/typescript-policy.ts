import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import type { Log } from '../../config.ts';
import type { Action, Layer, MechanismCommand } from '../../decision/record.ts';
import type { Json } from '../../mechanisms/mechanism.ts';
import { type FilePolicy, type PolicyFailure, restMs } from '../file-policy.ts';
import type { Option, PolicyInput, Proposal, Trigger } from '../policy.ts';
import type { Rejection } from '../rejection.ts';
import { type About, type Answer, aboutSchema, answerSchema } from './answer.ts';
import { compilePolicy, TypeScriptPolicyError } from './compile.ts';
import { shownSeries } from './shown-series.ts';
import { TypeScriptProcess, type TypeScriptProcessLimits } from './typescript-process.ts';

/** What an agent's layer adds to its policy files: what they may not do, and what their actions are in its mechanisms. */
export interface FileLayer<View> {
  layer: Layer;
  /** Why something may not be done to what a trigger is about; undefined when it may. */
  forbids(view: View, trigger: Trigger, action: Action, now: number): Rejection | undefined;
  commands(view: View, trigger: Trigger, action: Action): MechanismCommand[];
}

export interface TypeScriptPolicyOptions<View> extends FileLayer<View> {
  log: Log;
  limits?: Partial<TypeScriptProcessLimits>;
  /** Called when an answer is there, so that the loop need not wait for its next tick. */
  onAnswer?: () => void;
  /** Given what resolves when the file that was just asked has answered, or failed to. */
  onAsk?: (answer: Promise<void>) => void;
}

/**
 * A policy file in TypeScript (`policy-<name>.ts`) behind the policy API. It runs in a process of its own, beside the loop: what it is shown is data, what it
 * answers is data, checked whole. One that hangs, throws, eats memory or answers nonsense decides nothing meanwhile, and is left alone longer each time.
 */
export class TypeScriptPolicy<View> implements FilePolicy<View> {
  readonly kind = 'typescript';
  readonly name: string;
  readonly version: string;
  readonly #about: About;
  readonly #process: TypeScriptProcess;
  readonly #options: TypeScriptPolicyOptions<View>;
  #dueAt = Number.NEGATIVE_INFINITY;
  #isAsking = false;
  #ready: Answer['proposals'] = [];
  #state: Json | undefined;
  #failure: PolicyFailure | null = null;

  /** Reads and checks a file. @throws TypeScriptPolicyError that says what is wrong with it */
  static async load<View>(file: string, options: TypeScriptPolicyOptions<View>): Promise<TypeScriptPolicy<View>> {
    const source = await readFile(file, 'utf8');
    const name = basename(file);
    const onLine = (line: string) => options.log('info', line, { policy: name });
    const process = new TypeScriptProcess(await compilePolicy(name, source), onLine, options.limits);
    try {
      const about = aboutSchema.safeParse(await process.call('about'));
      if (!about.success) throw new TypeScriptPolicyError(firstProblem(about.error));
      if (about.data.layer !== options.layer)
        throw new TypeScriptPolicyError(`it decides for a ${about.data.layer}; this agent is one of a ${options.layer}`);
      return new TypeScriptPolicy(name, source, process, about.data, options);
    } catch (error) {
      process.close();
      throw error;
    }
  }

  private constructor(
    file: string,
    source: string,
    process: TypeScriptProcess,
    about: About,
    options: TypeScriptPolicyOptions<View>,
  ) {
    this.name = file.replace(/^policy-/, '').replace(/\.ts$/, '');
    this.version = createHash('sha256').update(source).digest('hex').slice(0, 12);
    this.#process = process;
    this.#about = about;
    this.#options = options;
  }

  get summary(): string {
    return this.#about.summary;
  }
  get failure(): PolicyFailure | null {
    return this.#failure;
  }

  close(): void {
    this.#process.close();
  }

  analyze(input: PolicyInput<View>): Trigger[] {
    if (!this.#isAsking && input.now >= this.#dueAt) {
      const asking = this.askNow(input).then(
        () => {
          if (this.#ready.length > 0) this.#options.onAnswer?.();
        },
        () => {
          // Told and counted already.
        },
      );
      this.#options.onAsk?.(asking);
    }
    return this.#ready.map(({ trigger }) => trigger);
  }

  plan({ view, now }: PolicyInput<View>, trigger: Trigger): Proposal | undefined {
    const at = this.#ready.findIndex((one) => one.trigger === trigger);
    const [found] = at < 0 ? [] : this.#ready.splice(at, 1);
    if (!found?.plan) return undefined;
    const { premises, readings, margin, coolDownS, horizonS, options, outcome } = found.plan;
    const { forbids, commands } = this.#options;
    const ids = new Set<string>();
    return {
      premises,
      readings,
      options: options.map((option): Option => {
        const rejected =
          option.action.kind === 'stay' ? undefined : (option.rejected ?? forbids(view, trigger, option.action, now));
        const { rejected: _, ...rest } = option;
        return rejected ? { ...rest, id: idOf(option.action, ids), rejected } : { ...rest, id: idOf(option.action, ids) };
      }),
      stay: 'stay',
      neededMargin: margin,
      coolDownS,
      horizonS,
      commands: ({ action }) => commands(view, trigger, action),
      ...(outcome && { outcome }),
    };
  }

  async askNow({ view, window, now, agent }: PolicyInput<View>): Promise<void> {
    this.#isAsking = true;
    this.#dueAt = now + 1000 * this.#about.everyS;
    try {
      const { metrics, lookBackS } = this.#about;
      const series = shownSeries(window, metrics, now - 1000 * lookBackS);
      const answer = answerSchema.safeParse(await this.#process.call('ask', { now, agent, view, series }));
      if (!answer.success) throw new TypeScriptPolicyError(firstProblem(answer.error));
      this.#ready = answer.data.proposals;
      if (answer.data.state !== undefined) {
        this.#state = answer.data.state;
        this.#process.keep(answer.data.state);
      }
      this.#failure = null;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const isNews = this.#failure?.text !== text;
      this.#failure = { at: now, text, count: (this.#failure?.count ?? 0) + 1 };
      this.#ready = [];
      this.#dueAt = now + restMs(this.#failure.count);
      if (isNews) this.#options.log('error', `policy ${this.name} failed`, { error: text });
      throw error;
    } finally {
      this.#isAsking = false;
    }
  }

  state(): Json {
    return this.#state ?? null;
  }

  restore(state: Json): void {
    if (state === null || !this.#about.keepsState) return;
    this.#state = state;
    this.#process.startFrom(state);
  }
}

const firstProblem = (error: z.ZodError): string => {
  const [first] = error.issues;
  const place = first?.path.map(String).join('.') ?? '';
  return `its answer does not fit${place ? ` at ${place}` : ''}: ${first?.message ?? z.prettifyError(error)}`;
};

/** Names of candidates, each once. */
function idOf(action: Action, taken: Set<string>): string {
  const plain =
    action.kind === 'stay'
      ? 'stay'
      : action.kind === 'move'
        ? `to:${action.to}`
        : action.kind === 'deploy'
          ? `on:${action.host}`
          : action.kind === 'placeOnCluster'
            ? `on:${action.cluster}`
            : action.kind === 'remove'
              ? 'remove'
              : `tell:${action.mechanism}`;
  let id = plain;
  for (let n = 2; taken.has(id); n++) id = `${plain}#${n}`;
  taken.add(id);
  return id;
}
