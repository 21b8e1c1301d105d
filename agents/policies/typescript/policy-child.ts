/**
 * Runs inside of a policy file's own context, in a process of its own: plain strings go in and out, so that nothing of the process is within the file's
 * reach. Read as text by typescript-process.ts, which puts 'mlsysops' and the file before it; imports nothing but types.
 */
import type { Action, Expression, Plan, PolicyFile, Reading, SeriesQuery, Shown, Trigger } from './mlsysops.ts';

declare const policyModule: { policy?: PolicyFile<unknown> };
/** What is printed since the last answer. */
declare const printed: string[];

interface Series {
  metric: string;
  node: string;
  application: string;
  component: string;
  source?: string;
  times: number[];
  values: number[];
}
interface Asked {
  now: number;
  agent: string;
  view: unknown;
  series: Series[];
}
interface PremiseRow {
  id: string;
  name: string;
  value: number;
  unit: string;
  at: number;
  source: string;
  usual: number;
  range?: [number, number];
}

/** What the file says of itself. */
function about(): unknown {
  const { policy } = policyModule;
  if (typeof policy !== 'object' || policy === null) throw new Error('it exports no "policy"');
  for (const verb of ['analyze', 'plan'] as const)
    if (typeof policy[verb] !== 'function') throw new Error(`its policy has no function "${verb}"`);
  const { layer, summary = '', metrics = [], lookBackS = 60, everyS = 1 } = policy;
  return { layer, summary, metrics, lookBackS, everyS, keepsState: typeof policy.state === 'function' };
}

function ask(asked: Asked): unknown {
  const policy = policyModule.policy!;
  const shown = shownOf(asked, policy.settings ?? {});
  const triggers = plain(policy.analyze(shown) ?? [], 'analyze') as Trigger[];
  if (!Array.isArray(triggers)) throw new Error('analyze() must give a list of triggers');
  const proposals = triggers.map((trigger) => {
    const premises: PremiseRow[] = [];
    const readings: Record<string, SeriesQuery> = {};
    const plan = policy.plan({ ...shown, ...premisesOf(asked, shown, premises, readings) }, trigger);
    return { trigger, plan: plan === undefined || plan === null ? null : proposalOf(plan, premises, readings) };
  });
  return { proposals, ...(policy.state && { state: policy.state() }) };
}

function shownOf({ now, agent, view, series }: Asked, settings: unknown): Shown<unknown, never> {
  const matching = ({ metric, node, application, component }: SeriesQuery): Series[] =>
    series.filter(
      (one) =>
        one.metric === metric &&
        (node === undefined || one.node === node) &&
        (application === undefined || one.application === application) &&
        (component === undefined || one.component === component),
    );
  const points = (query: SeriesQuery, sinceMs = Number.NEGATIVE_INFINITY) =>
    matching(query)
      .flatMap(({ times, values }) => times.map((time, index) => ({ time, value: values[index]! })))
      .filter(({ time }) => time >= sinceMs)
      .sort((a, b) => a.time - b.time);
  return {
    now,
    agent,
    view,
    settings: settings as never,
    latest: (query) =>
      matching(query)
        .map(({ node, application, component, times, values }): Reading => {
          const last = times.length - 1;
          return { time: times[last]!, value: values[last]!, node, application, component };
        })
        .sort((a, b) => b.time - a.time),
    points,
    usual(query, sinceMs) {
      const values = points(query, sinceMs)
        .map(({ value }) => value)
        .sort((a, b) => a - b);
      if (values.length === 0) return undefined;
      const middle = (values.length - 1) / 2;
      return (values[Math.floor(middle)]! + values[Math.ceil(middle)]!) / 2;
    },
  };
}

function premisesOf({ now }: Asked, shown: Shown<unknown, never>, premises: PremiseRow[], readings: Record<string, SeriesQuery>) {
  const put = (row: Omit<PremiseRow, 'id'>): Expression => {
    const known = premises.find(({ name }) => name === row.name);
    const id = known?.id ?? `p${premises.length}`;
    if (!known) premises.push({ id, ...row });
    return { op: 'premise', id };
  };
  const units: [string, string][] = [
    ['_ms', 'ms'],
    ['_w', 'W'],
    ['_ghz', 'GHz'],
    ['_bytes', 'B'],
    ['_cores', 'cores'],
    ['_celsius', '°C'],
  ];
  return {
    reading(name: string, query: SeriesQuery, range?: [number, number]): Expression | undefined {
      const [last] = shown.latest(query);
      if (!last) return undefined;
      const place = last.component ? `${last.component} on ${last.node}` : last.node;
      const unit = units.find(([suffix]) => query.metric.endsWith(suffix))?.[1] ?? '';
      const expression = put({
        name,
        value: last.value,
        unit,
        at: last.time,
        source: `${query.metric} of ${place}`,
        usual: shown.usual(query) ?? last.value,
        ...(range && { range }),
      });
      if (expression.op === 'premise') readings[expression.id] = query;
      return expression;
    },
    fact: (name: string, value: number, unit: string, source: string): Expression =>
      put({ name, value, unit, at: now, source, usual: value }),
  };
}

function proposalOf(plan: Plan, premises: PremiseRow[], readings: Record<string, SeriesQuery>): unknown {
  const { candidates, margin = 0, coolDownS = 60, horizonS = 30, outcome } = plan;
  if (!Array.isArray(candidates)) throw new Error('plan() must give "candidates"');
  return plain(
    {
      premises,
      readings,
      margin,
      coolDownS,
      horizonS,
      options: candidates.map(({ action, label, terms, rejected, predicted = [] }) => ({
        action,
        label: label ?? labelOf(action),
        ...(rejected && { rejected }),
        terms: Object.entries(terms ?? {}).map(([name, value]) => ({ name, expression: lifted(value) })),
        predicted: predicted.map(({ metric, unit, value, deviation = 0 }) => ({
          metric,
          unit,
          deviation,
          expression: lifted(value),
        })),
      })),
      ...(outcome && {
        outcome: {
          metric: outcome.query.metric,
          unit: outcome.unit,
          query: outcome.query,
          term: { name: outcome.term, expression: outcome.score({ op: 'premise', id: 'actual' }) },
        },
      }),
    },
    'plan',
  );
}

const lifted = (value: Expression | number): Expression => (typeof value === 'number' ? { op: 'const', value } : value);

function labelOf(action: Action): string {
  switch (action?.kind) {
    case 'stay':
      return action.host ? `Stay on ${action.host}` : 'Leave it as it is';
    case 'deploy':
      return `Place on ${action.host}`;
    case 'move':
      return `Move to ${action.to}`;
    case 'remove':
      return `Remove from ${action.host}`;
    case 'placeOnCluster':
      return `Place on ${action.cluster}`;
    case 'command':
      return `Tell ${action.mechanism} ${JSON.stringify(action.command)}`.slice(0, 120);
    default:
      throw new Error('a candidate has no action');
  }
}

/** As JSON has it: what it has no word for (NaN, a function, a promise) is refused rather than lost. */
function plain(value: unknown, verb: string): unknown {
  const visit = (part: unknown, depth: number): void => {
    if (depth > 80) throw new Error(`${verb}() gave something endless`);
    if (typeof part === 'number' && !Number.isFinite(part)) throw new Error(`${verb}() gave ${part}, which is no number`);
    if (typeof part === 'function' || typeof part === 'symbol' || typeof part === 'bigint')
      throw new Error(`${verb}() gave a ${typeof part}, which is no JSON`);
    if (typeof part !== 'object' || part === null) return;
    if ('then' in part && typeof part.then === 'function')
      throw new Error(`${verb}() must not be async: it gives its answer at once`);
    for (const inner of Object.values(part)) visit(inner, depth + 1);
  };
  visit(value, 0);
  return value;
}

/** The one way in: JSON in, JSON out. */
export function call(text: string): string {
  const { verb, given } = JSON.parse(text) as { verb: 'about' | 'ask' | 'restore'; given?: unknown };
  let value: unknown = null;
  if (verb === 'about') value = about();
  else if (verb === 'ask') value = ask(given as Asked);
  else policyModule.policy?.restore?.(given as never);
  return JSON.stringify({ value, printed: printed.splice(0) });
}
