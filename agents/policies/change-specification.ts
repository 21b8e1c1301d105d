import { z } from 'zod';
import {
  add,
  atLeastZero,
  constant,
  divide,
  type Expression,
  evaluate,
  multiply,
  premise,
  subtract,
} from '../decision/expression.ts';
import { quantitySchema, unitOf } from '../descriptions/common.ts';
import { parseQuantity } from '../descriptions/quantity.ts';
import type { Json } from '../mechanisms/mechanism.ts';
import { componentQuery, type Subject, subjectsOf } from './latency-subjects.ts';
import { qosTerm } from './moving.ts';
import type { Option, Policy, PolicyFactory, PolicyInput, Proposal, Trigger } from './policy.ts';
import { PremiseBook } from './premise-book.ts';
import type { Rejection } from './rejection.ts';
import type { ClusterSituation } from './situation.ts';

const settingsSchema = z.strictObject({
  /** A violation that is shorter is let pass; nor is anything taken back before targets were kept with room for so long. */
  holdS: z.number().min(0).default(10),
  slackS: z.number().min(30).max(580).default(300),
  /** Below this share of its target a latency has room to spare. */
  slackAt: z.number().min(0).max(1).default(0.4),
  /** Times the former limit, where the processor's limit is raised. */
  limitFactor: z.number().gt(1).max(8).default(2),
  /** Score that a core of a limit, and one more replica, cost. */
  coreCost: z.number().min(0).default(0.05),
  replicaCost: z.number().min(0).default(0.1),
  margin: z.number().min(0).default(0.1),
  coolDownS: z.number().min(0).default(120),
  horizonS: z.number().positive().default(60),
  /** Other images that do the same work, by "application/component": how much longer they take than the first, and how good their results are (0–1). */
  images: z
    .record(
      z.string(),
      z
        .array(z.strictObject({ image: z.string().min(1), work: z.number().positive(), quality: z.number().min(0).max(1) }))
        .min(2),
    )
    .default({}),
});

const amounts = z.object({ cpu: quantitySchema.optional(), memory: quantitySchema.optional() });
const named = { application: z.string(), component: z.string() };
/** As the mechanisms of these names tell; see agents/mechanisms. */
const resourcesState = z.array(
  z.object({ ...named, containers: z.array(z.object({ name: z.string(), requests: amounts, limits: amounts })) }),
);
const replicasState = z.array(z.object({ ...named, replicas: z.number() }));
const imageState = z.array(z.object({ ...named, containers: z.array(z.object({ name: z.string(), image: z.string() })) }));
const optionsSchema = z.array(
  z.object({ ...named, permitted: z.boolean(), min: z.number().optional(), max: z.number().nullish() }),
);

/** Where a change is predicted from a rule of thumb, it is as uncertain as this share of what it changes. */
const doubt = 0.3;

/**
 * Changes what a component is given when its latency does not keep its target: a higher limit of the processor where it is throttled, one more replica where
 * requests wait for each other, another image that does the same with less work; and takes back what is not needed any more.
 */
class ChangeSpecification implements Policy<ClusterSituation> {
  readonly name = 'change-specification';
  readonly version = '1';
  readonly #settings: z.infer<typeof settingsSchema>;

  constructor(settings: z.infer<typeof settingsSchema>) {
    this.#settings = settings;
  }

  analyze({ view, window, now }: PolicyInput<ClusterSituation>): Trigger[] {
    const { holdS, slackS, slackAt } = this.#settings;
    return subjectsOf(view, window, '').flatMap((subject): Trigger[] => {
      const { application, component, target, metric, latency } = subject;
      const about = { application: application.name, component: component.metadata.name };
      const points = window.points(latency, now - 1000 * slackS);
      const last = points.at(-1);
      if (!last || now - last.time > 10_000) return [];
      const recent = points.filter(({ time }) => time >= now - 1000 * holdS);
      const heldS = (now - (recent[0]?.time ?? now)) / 1000;
      if (heldS >= holdS - 3 && recent.every(({ value }) => value > target))
        return [
          { kind: 'qos-violated', text: `${metric} of ${about.component} has been over ${target} for ${holdS} s`, ...about },
        ];
      const isLong = points[0]!.time <= now - 1000 * (slackS - 10);
      if (isLong && points.every(({ value }) => value <= slackAt * target) && this.#hasMore(view, subject))
        return [
          { kind: 'qos-slack', text: `${about.component} has had room to spare for ${Math.round(slackS / 60)} min`, ...about },
        ];
      return [];
    });
  }

  plan({ view, window, now }: PolicyInput<ClusterSituation>, trigger: Trigger): Proposal | undefined {
    const subject = subjectsOf(view, window, '').find(
      ({ application, component }) => application.name === trigger.application && component.metadata.name === trigger.component,
    );
    if (!subject) return undefined;
    const { application, component, metric, target } = subject;
    const name = component.metadata.name;
    const unit = unitOf(metric);
    const book = new PremiseBook(window, now);
    const latency = book.reading('latency', `Latency of ${name}`, subject.latency, { range: [0, 10 * target], overS: 10 });
    if (!latency) return undefined;
    const goal = book.fact('target', 'Target', target, unit, `qos_metrics of ${name} in the description of ${application.name}`);
    const now10 = book.valueOf('latency')!;
    const option = (
      id: string,
      label: string,
      action: Option['action'],
      after: Expression,
      cost: Expression,
      quality = 0,
    ): Option => ({
      id,
      label,
      action,
      predicted: [
        { metric, unit, deviation: id === 'stay' ? 0 : doubt * Math.abs(now10 - valueIn(after, book)), expression: after },
      ],
      terms: [
        { name: 'QoS', expression: qosTerm(after, goal) },
        { name: 'Cost', expression: multiply(-1, cost) },
        ...(quality > 0 ? [{ name: 'Quality', expression: constant(-quality) }] : []),
      ],
    });
    const options = [
      option('stay', 'Leave it as it is', { kind: 'stay', component: name }, latency, constant(0)),
      ...this.#limits(view, subject, book, latency, option),
      ...this.#replicas(view, subject, window.quantile(subject.latency, 0.1) ?? now10, book, latency, option),
      ...this.#images(view, subject, book, latency, option),
    ];
    if (options.length === 1) return undefined;
    const { margin, coolDownS, horizonS } = this.#settings;
    return {
      premises: book.premises,
      readings: book.readings,
      options,
      stay: 'stay',
      // What is only to save something need not be worth as much: it changes nothing that anybody waits for.
      neededMargin: trigger.kind === 'qos-slack' ? Math.min(margin, 0.04) : margin,
      coolDownS,
      horizonS,
      commands: ({ action }) => (action.kind === 'command' ? [{ mechanism: action.mechanism, command: action.command }] : []),
      outcome: {
        metric,
        unit,
        query: subject.latency,
        term: { name: 'QoS', expression: qosTerm(premise('actual'), premise('target')) },
      },
    };
  }

  /** Time in which it is throttled is time that it waits: k times the limit leaves 1/k of it. */
  #limits(view: ClusterSituation, subject: Subject, book: PremiseBook, latency: Expression, option: MakeOption): Option[] {
    const state = resourcesState.safeParse(view.mechanisms.resources?.state).data?.find(isOf(subject));
    const container = state?.containers[0];
    const limit = parseQuantity(container?.limits.cpu ?? '') ?? 0;
    if (!container || limit <= 0) return [];
    const throttled = book.reading(
      'throttled',
      'Share of the time in which it is throttled',
      { metric: 'component_cpu_throttled_ratio', ...componentQuery(subject) },
      { range: [0, 1], overS: 10 },
    );
    const node = view.nodes.find(({ name }) => name === subject.node);
    const { limitFactor, coreCost } = this.#settings;
    const described = parseQuantity(subject.component.containers?.[0]?.platform_requirements?.cpu?.limits ?? '') ?? limit;
    const wanted = [
      { to: Math.min(limit * limitFactor, node?.cores ?? Number.POSITIVE_INFINITY), what: 'Raise' },
      { to: Math.max(limit / limitFactor, described), what: 'Lower' },
    ].filter(({ to }) => Math.abs(to - limit) > 0.01);
    return wanted.map(({ to, what }): Option => {
      const share = throttled ?? constant(0);
      // Lowered, what is used now must still fit: it is throttled by what does not.
      const after =
        to > limit
          ? subtract(latency, multiply(latency, multiply(share, 1 - limit / to)))
          : multiply(latency, add(1, atLeastZero(subtract(divide(this.#coresUsed(subject, book), to), 0.8))));
      const command = {
        name: subject.application.name,
        component: subject.component.metadata.name,
        container: container.name,
        limits: { cpu: cpuText(to) },
      };
      const label = `${what} the processor limit from ${cpuText(limit)} to ${cpuText(to)}`;
      const made = option(`limit:${cpuText(to)}`, label, told('resources', command), after, constant(coreCost * (to - limit)));
      return ruledOut(
        made,
        permission(view, 'resources', subject) ??
          (throttled || to < limit ? undefined : { rule: 'not-throttled', reason: 'nothing tells whether it is throttled' }),
      );
    });
  }

  #coresUsed(subject: Subject, book: PremiseBook): Expression {
    const query = { metric: 'component_cpu_cores', ...componentQuery(subject) };
    return (
      book.reading('cores', `Cores that ${subject.component.metadata.name} uses`, query, { range: [0, 64], overS: 60 }) ??
      constant(0)
    );
  }

  /** What of its latency is beyond its quickest tenth is waiting for other requests, which n + 1 pods share where n did. */
  #replicas(
    view: ClusterSituation,
    subject: Subject,
    quickest: number,
    book: PremiseBook,
    latency: Expression,
    option: MakeOption,
  ): Option[] {
    const state = replicasState.safeParse(view.mechanisms.replicas?.state).data?.find(isOf(subject));
    const limits = optionsSchema.safeParse(view.mechanisms.replicas?.options).data?.find(isOf(subject));
    if (!state || !limits) return [];
    const name = subject.component.metadata.name;
    const alone = book.fact(
      'quickest',
      `Latency of ${name} alone`,
      quickest,
      unitOf(subject.metric),
      `quickest tenth of ${subject.metric}`,
    );
    const { replicas } = state;
    return [replicas + 1, replicas - 1]
      .filter((to) => to >= Math.max(limits.min ?? 1, 1) && to <= (limits.max ?? Number.POSITIVE_INFINITY))
      .map((to): Option => {
        const after = add(alone, multiply(replicas / to, atLeastZero(subtract(latency, alone))));
        const command = { name: subject.application.name, component: name, replicas: to };
        const cost = constant(this.#settings.replicaCost * (to - replicas));
        const made = option(
          `replicas:${to}`,
          `Run ${to} replicas instead of ${replicas}`,
          told('replicas', command),
          after,
          cost,
        );
        return ruledOut(made, permission(view, 'replicas', subject));
      });
  }

  #images(view: ClusterSituation, subject: Subject, _book: PremiseBook, latency: Expression, option: MakeOption): Option[] {
    const state = imageState.safeParse(view.mechanisms.image?.state).data?.find(isOf(subject));
    const container = state?.containers[0];
    const known = this.#settings.images[keyOf(subject)] ?? [];
    const here = known.find(({ image }) => image === container?.image);
    if (!container || !here) return [];
    return known
      .filter(({ image }) => image !== here.image)
      .map(({ image, work, quality }): Option => {
        const after = multiply(latency, work / here.work);
        const command = {
          name: subject.application.name,
          component: subject.component.metadata.name,
          container: container.name,
          image,
        };
        const made = option(`image:${image}`, `Run ${image}`, told('image', command), after, constant(here.quality - quality));
        return ruledOut(made, permission(view, 'image', subject));
      });
  }

  /** More than it is described with. */
  #hasMore(view: ClusterSituation, subject: Subject): boolean {
    const replicas = replicasState.safeParse(view.mechanisms.replicas?.state).data?.find(isOf(subject));
    const least = optionsSchema.safeParse(view.mechanisms.replicas?.options).data?.find(isOf(subject))?.min ?? 1;
    if (replicas && replicas.replicas > least) return true;
    const limit = resourcesState.safeParse(view.mechanisms.resources?.state).data?.find(isOf(subject))?.containers[0]?.limits.cpu;
    const described = subject.component.containers?.[0]?.platform_requirements?.cpu?.limits;
    if (limit !== undefined && described !== undefined && (parseQuantity(limit) ?? 0) > (parseQuantity(described) ?? 0))
      return true;
    const image = imageState.safeParse(view.mechanisms.image?.state).data?.find(isOf(subject))?.containers[0]?.image;
    const known = this.#settings.images[keyOf(subject)] ?? [];
    return known.some(({ quality }) => quality > (known.find((one) => one.image === image)?.quality ?? 1));
  }
}

type MakeOption = (id: string, label: string, action: Option['action'], after: Expression, cost: Expression) => Option;

const told = (mechanism: string, command: Json): Option['action'] => ({ kind: 'command', mechanism, command });
const keyOf = ({ application, component }: Subject): string => `${application.name}/${component.metadata.name}`;
const isOf =
  ({ application, component }: Subject) =>
  (one: { application: string; component: string }): boolean =>
    one.application === application.name && one.component === component.metadata.name;

const ruledOut = (option: Option, rejected: Rejection | undefined): Option =>
  rejected ? { ...option, rejected, terms: [], predicted: [] } : option;

function permission(
  view: ClusterSituation,
  mechanism: 'resources' | 'replicas' | 'image',
  subject: Subject,
): Rejection | undefined {
  const own = optionsSchema.safeParse(view.mechanisms[mechanism]?.options).data?.find(isOf(subject));
  if (own?.permitted) return undefined;
  const what = {
    resources: 'change_container_resource_requirements',
    image: 'change_container_image',
    replicas: 'scaling_mode auto',
  }[mechanism];
  return { rule: 'permitted_actions', reason: `${subject.application.name} does not permit ${what}` };
}

/** "250m", "2". */
const cpuText = (cores: number): string => (Number.isInteger(cores) ? String(cores) : `${Math.round(cores * 1000)}m`);

const valueIn = (expression: Expression, book: PremiseBook): number =>
  evaluate(expression, Object.fromEntries(book.premises.map(({ id, value }) => [id, value])));

export const changeSpecification: PolicyFactory<ClusterSituation> = {
  name: 'change-specification',
  summary:
    'Gives a component that misses its target a higher limit, a replica or a lighter image, and takes back what is not needed',
  settings: settingsSchema,
  create: (settings) => new ChangeSpecification(settingsSchema.parse(settings)),
};
