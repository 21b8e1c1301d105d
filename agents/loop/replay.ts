import { isDeepStrictEqual } from 'node:util';
import { type DecisionRecord, isAct, type MechanismCommand } from '../decision/record.ts';
import type { Json } from '../mechanisms/mechanism.ts';
import type { Policy, PolicyFactory, Proposal } from '../policies/policy.ts';
import { SlidingWindow } from '../telemetry/window.ts';
import { Decider } from './decider.ts';
import { withChanges } from './json-changes.ts';
import { type RecordingLine, recordingLineSchema } from './recording.ts';

type Line<K extends RecordingLine['kind']> = Extract<RecordingLine, { kind: K }>;

export interface ReplayOptions<View> {
  factories: readonly PolicyFactory<View>[];
  expecting?: (view: View, commands: readonly MechanismCommand[]) => View;
  /** Other settings for policies, by name; null leaves one out. What would have been decided then? */
  settings?: Record<string, Record<string, Json> | null>;
}

/** One decision that came out otherwise; one of both is absent where only the other was made. */
export interface ReplayDifference {
  time: number;
  recorded?: DecisionRecord;
  replayed?: DecisionRecord;
}

export interface Replay {
  agent: Line<'begin'>['agent'];
  from: number;
  to: number;
  ticks: number;
  /** Decisions and outcomes that were compared. */
  compared: number;
  same: number;
  differences: ReplayDifference[];
  /** Policies that cannot be replayed: files, and those that are not known here. Their acts are taken as they were recorded. */
  notReplayed: string[];
  /** What policies threw, by policy. */
  failures: Record<string, string>;
}

/**
 * Decides a recorded window again, and compares each decision with the recorded one, all but its id. The views are those of the recording: what would have come of another
 * decision is not known.
 * @throws Error that names the line which is not one of a recording
 */
export async function replay<View>(
  lines: AsyncIterable<string> | Iterable<string>,
  options: ReplayOptions<View>,
): Promise<Replay> {
  let player: Player<View> | undefined;
  let number = 0;
  for await (const text of lines) {
    number++;
    if (text.trim() === '') continue;
    const line = parsed(text, number);
    if (!player) {
      if (line.kind !== 'begin') throw new Error(`line ${number}: a recording begins with "begin", not with "${line.kind}"`);
      player = new Player(line, options);
    } else if (line.kind === 'begin') throw new Error(`line ${number}: a second beginning`);
    else player.play(line, number);
  }
  if (!player) throw new Error('the recording is empty');
  return player.result;
}

function parsed(text: string, number: number): RecordingLine {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`line ${number} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { success, data, error } = recordingLineSchema.safeParse(json);
  if (success) return data;
  const { path, message } = error.issues[0]!;
  throw new Error(`line ${number} is not one of a recording: ${path.join('.') || 'it'}: ${message}`);
}

class Player<View> {
  readonly result: Replay;
  readonly #options: ReplayOptions<View>;
  readonly #window: SlidingWindow;
  readonly #decider: Decider<View>;
  readonly #notReplayed = new Set<string>();
  /** Policies as they are now, by name and settings. */
  #policies = new Map<string, { key: string; policy: Policy<View> }>();
  #view: Json = null;
  #tick: Line<'tick'> | undefined;
  /** Ids here of decisions recorded under other ids. */
  readonly #ids = new Map<string, string>();

  constructor(begin: Line<'begin'>, options: ReplayOptions<View>) {
    this.#options = options;
    this.#window = new SlidingWindow(begin.windowMs);
    this.result = {
      agent: begin.agent,
      from: begin.time,
      to: begin.time,
      ticks: 0,
      compared: 0,
      same: 0,
      differences: [],
      notReplayed: [],
      failures: {},
    };
    this.#decider = new Decider<View>({
      agent: begin.agent,
      window: this.#window,
      policies: this.#make(begin.policies),
      touches: (command) => this.#touches(command),
      expecting: options.expecting,
      failed: (policy, error) => {
        this.result.failures[policy] ??= error instanceof Error ? error.message : String(error);
      },
    });
    this.#decider.restore(begin.state);
  }

  play(line: Exclude<RecordingLine, Line<'begin'>>, number: number): void {
    switch (line.kind) {
      case 'series':
        this.#window.load({ ...line.series, source: line.series.source });
        break;
      case 'telemetry':
        this.#window.add(line.message);
        break;
      case 'forgot':
        this.#window.forgetBefore(line.before);
        break;
      case 'tick':
        this.#play(line, number);
        break;
      case 'ended':
        this.#decider.ended({ ...line.record, id: this.#ids.get(line.record.id) ?? line.record.id }, line.now);
        break;
      case 'held':
        // It was free then; where a replay that differs has it busy, what holds it here does not count.
        this.#decider.hold(line.parts);
        break;
      case 'released':
        this.#decider.release(line.parts);
        break;
      case 'uses':
        this.#decider.use(this.#make(line.policies));
        break;
      case 'end':
        this.result.to = line.time;
    }
  }

  #play(line: Line<'tick'>, number: number): void {
    try {
      this.#view = withChanges(this.#view, line.changes);
    } catch (error) {
      throw new Error(`line ${number}: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.#tick = line;
    const { decided, judged } = this.#decider.tick(line.now, this.#view as View);
    this.result.ticks++;
    this.result.to = line.now;
    for (const { record, begun } of decided) {
      if (!begun) continue;
      const like = line.decided.find((one) => one.begun && aboutTheSame(one.record, record));
      if (like) this.#ids.set(like.record.id, record.id);
      // A plan that only the replay begins never ends: it would keep its thing from all further decisions.
      else this.#decider.ended({ ...record, plan: { ...begun.record.plan, status: 'discarded' } }, line.now);
    }
    const recorded = line.decided.map(({ record }) => record);
    const replayed = decided.map(({ record }) => record);
    this.#compare(line.now, recorded, replayed);
    this.#compare(line.now, line.judged, judged);
  }

  #compare(time: number, recorded: DecisionRecord[], replayed: DecisionRecord[]): void {
    const isOurs = ({ policy }: DecisionRecord): boolean => !this.#notReplayed.has(policy.name);
    const left = replayed.filter(isOurs);
    for (const one of recorded.filter(isOurs)) {
      this.result.compared++;
      const index = left.findIndex((other) => aboutTheSame(one, other));
      const [other] = index === -1 ? [] : left.splice(index, 1);
      if (other && isDeepStrictEqual(withoutIds(one), withoutIds(other))) this.result.same++;
      else this.result.differences.push({ time, recorded: one, ...(other && { replayed: other }) });
    }
    for (const other of left) this.result.differences.push({ time, replayed: other });
  }

  /** Parts as they were recorded for the same commands; where they were not, the command itself stands for what it changes. */
  #touches(command: MechanismCommand): string[] | undefined {
    const like = this.#tick?.decided.find(({ record }) =>
      record.plan?.commands.some((other) => isDeepStrictEqual(other, command)),
    );
    if (!like) return [JSON.stringify(command.command)];
    const start = `${command.mechanism}:`;
    return like.parts?.filter((part) => part.startsWith(start)).map((part) => part.slice(start.length));
  }

  #make(told: Line<'begin'>['policies']): Policy<View>[] {
    const before = this.#policies;
    this.#policies = new Map();
    for (const { name, settings, learnt, instance } of told) {
      const wanted =
        this.#options.settings && Object.hasOwn(this.#options.settings, name) ? this.#options.settings[name]! : settings;
      const factory = this.#options.factories.find((candidate) => candidate.name === name);
      if (wanted === null && settings !== null) continue;
      const isReplayed = settings !== null && factory !== undefined;
      const key = JSON.stringify([instance, isReplayed, wanted]);
      const known = before.get(name);
      if (known?.key === key) {
        this.#policies.set(name, known);
        continue;
      }
      if (!isReplayed) {
        this.#notReplayed.add(name);
        this.result.notReplayed = [...this.#notReplayed];
        this.#policies.set(name, { key, policy: new AsRecorded<View>(name, () => this.#tick) });
        continue;
      }
      const policy = factory.create(wanted ?? {});
      if (learnt !== undefined) policy.restore?.(learnt);
      this.#policies.set(name, { key, policy });
    }
    return [...this.#policies.values()].map(({ policy }) => policy);
  }
}

/** Stands in for a policy that cannot be replayed: it makes the changes that were recorded, when they were. */
class AsRecorded<View> implements Policy<View> {
  readonly version = 'as recorded';
  readonly name: string;
  readonly #tick: () => Line<'tick'> | undefined;

  constructor(name: string, tick: () => Line<'tick'> | undefined) {
    this.name = name;
    this.#tick = tick;
  }

  analyze(): { kind: string; text: string; application?: string; component?: string }[] {
    return this.#acts().map(({ record: { trigger, application, component } }) => ({
      ...trigger,
      ...(application !== undefined && { application }),
      ...(component !== undefined && { component }),
    }));
  }

  plan(_input: unknown, trigger: { application?: string; component?: string }): Proposal | undefined {
    const act = this.#acts().find(
      ({ record }) => record.application === trigger.application && record.component === trigger.component,
    );
    if (!act) return undefined;
    const { record, begun } = act;
    return {
      premises: record.premises,
      options: record.candidates.map((candidate) => ({
        ...candidate,
        predicted: candidate.predicted.flatMap(({ expression, ...outcome }) => (expression ? [{ ...outcome, expression }] : [])),
      })),
      stay: record.stay,
      neededMargin: record.neededMargin,
      coolDownS: ((record.coolDownUntil ?? record.time) - record.time) / 1000,
      horizonS: record.horizonS,
      commands: () => record.plan?.commands ?? [],
      readings: begun?.expects.readings ?? {},
      ...(begun?.expects.outcome && { outcome: begun.expects.outcome }),
    };
  }

  #acts() {
    return this.#tick()?.decided.filter(({ record }) => record.policy.name === this.name && isAct(record)) ?? [];
  }
}

const aboutTheSame = (one: DecisionRecord, other: DecisionRecord): boolean =>
  one.policy.name === other.policy.name && one.application === other.application && one.component === other.component;

/** Ids are numbers of decisions, which policies that are not replayed count in too. */
function withoutIds(record: DecisionRecord): unknown {
  const { id: _, plan, ...rest } = JSON.parse(JSON.stringify(record)) as DecisionRecord;
  return { ...rest, ...(plan && { plan: { ...plan, id: '' } }) };
}
