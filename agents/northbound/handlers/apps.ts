import type { z } from 'zod';
import { parseDescription } from '../../descriptions/parse.ts';
import type { PropagatedApplication } from '../../orchestration/orchestrator.ts';
import type { HandlersOf } from '../endpoints/table.ts';
import type { EventLog } from '../events.ts';
import { HttpError } from '../http-error.ts';
import { figuresOf } from './figures.ts';
import type { NorthboundSources } from './sources.ts';
import { applicationMetrics } from './targets.ts';

type AppSources = Pick<NorthboundSources, 'services' | 'aggregates' | 'orchestrator' | 'clock'>;

/** Of decisions, details tell so many. */
const mostDecisions = 10;

export function appHandlers({ services, aggregates, orchestrator, clock }: AppSources, events: EventLog): HandlersOf<'apps'> {
  const find = (id: string): PropagatedApplication => {
    const known = orchestrator.applications().find(({ uid, description }) => uid === id || description.name === id);
    if (!known) throw new HttpError(404, `there is no application "${id}"`);
    return known;
  };
  return {
    'apps.deploy': ({ body }) => {
      checkedDescription(body, ['MLSysOpsApp'], 'deployed');
      return services.deploy(body);
    },
    'apps.list': async () => {
      const all = await services.list();
      return Promise.all(
        all.map(async (one) => ({ ...one, state: (await services.status(one.uid))?.state ?? ('unknown' as const) })),
      );
    },
    'apps.status': async ({ path: { id } }) => {
      const status = await services.status(id);
      if (!status) throw new HttpError(404, `nothing is known of an application "${id}"`);
      return status;
    },
    'apps.details': async ({ path: { id } }) => {
      const { description, uid, clusters } = find(id);
      const decisions = events
        .latest('decision')
        .map(({ decision }) => decision)
        .filter(({ application }) => application === description.name);
      const latest = [...new Map(decisions.toReversed().map((decision) => [decision.id, decision])).values()];
      return {
        application: description.name,
        uid,
        clusters,
        status: (await services.status(uid)) ?? null,
        description: asJson(description),
        decisions: latest
          .slice(-mostDecisions)
          .reverse()
          .map(({ id, time, agent, title, sentence }) => ({ id, time, agent: agent.id, title, sentence })),
      };
    },
    'apps.performance': async ({ path: { id }, query: { window_s: windowS } }) => {
      const { description } = find(id);
      const application = description.name;
      const since = clock.now() - windowS * 1000;
      return {
        application,
        windowS,
        metrics: figuresOf(aggregates, [{ application }], ['component'], since),
        ...applicationMetrics(aggregates, description, since),
      };
    },
    'apps.remove': async ({ path: { id } }) => {
      if (!(await services.remove(id))) throw new HttpError(404, `there is no application "${id}"`);
      return { application: id };
    },
  };
}

/** A description of one of these kinds. @throws DescriptionError; HttpError 422 for one of another kind, or that the parser gives up on */
export function checkedDescription(text: string, kinds: readonly string[], done: string): ReturnType<typeof parseDescription> {
  let described: ReturnType<typeof parseDescription>;
  try {
    described = parseDescription(text, 'description');
  } catch (error) {
    // Nested deeper than the stack, or with more aliases than any description needs.
    if (error instanceof RangeError || error instanceof ReferenceError)
      throw new HttpError(422, `the description cannot be read: ${error.message}`);
    throw error;
  }
  const { kind } = described;
  if (!kinds.includes(kind)) throw new HttpError(422, `a ${kind} cannot be ${done}; ${kinds.join(', ')} can`);
  return described;
}

/** A description as JSON has it. */
export const asJson = (value: unknown): Record<string, z.core.util.JSONType> =>
  JSON.parse(JSON.stringify(value)) as Record<string, z.core.util.JSONType>;
