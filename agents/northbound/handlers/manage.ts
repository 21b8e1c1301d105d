import {
  changeAnswerSchema,
  configTrustRequestSchema,
  modeSchema,
  pingAnswerSchema,
  pingRequestSchema,
  setModeRequestSchema,
  setSystemTargetRequestSchema,
} from '../../bus/administration.ts';
import { satisfies } from '../../descriptions/common.ts';
import type { AgentWatch, KnownAgent } from '../agent-watch.ts';
import { type AskAgents, pingMs, type Said } from '../ask-agents.ts';
import { fitting } from '../body.ts';
import type { HandlersOf } from '../endpoints/table.ts';
import { HttpError } from '../http-error.ts';
import { merged } from './figures.ts';
import type { NorthboundSources } from './sources.ts';

/** How far back targets of the system are held against what was measured. */
const targetMs = 5 * 60_000;

type ManageSources = Pick<NorthboundSources, 'targets' | 'aggregates' | 'clock'>;

/** `now` in ms, of real time: round trips are. */
export function manageHandlers(
  { targets, aggregates, clock }: ManageSources,
  agents: AgentWatch,
  ask: AskAgents,
  now: () => number,
): HandlersOf<'manage'> {
  const continuum = (): string => {
    const agent = agents.all().find(({ layer }) => layer === 'continuum');
    if (!agent) throw new HttpError(502, 'the continuum agent was not heard yet');
    return agent.agent;
  };
  const ping = async (agent: string) => {
    const startedAt = now();
    const answer = await ask.one(agent, 'ping', pingRequestSchema, {}, pingAnswerSchema, pingMs);
    return { ...answer, roundTripMs: now() - startedAt };
  };
  /** One that stands by is told by who leads, when it follows. */
  const deciding = (): KnownAgent[] => agents.all().filter(({ role }) => role !== 'standby');
  return {
    'manage.ping': async ({ query: { agent } }) => {
      const asked = agent === undefined ? agents.all().map((one) => one.agent) : [ask.known(agent).agent];
      const pings = await Promise.allSettled(asked.map(ping));
      const answered = pings.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const silent = pings.flatMap((one, index) =>
        one.status === 'rejected' ? [{ agent: asked[index]!, error: String(one.reason.message ?? one.reason) }] : [],
      );
      return { status: silent.length === 0 ? 'ok' : 'degraded', answered, silent };
    },
    'manage.set-mode': async ({ path }) => {
      const mode = fitting(modeSchema, Number(path.mode), 'the mode');
      const said = await ask.all(deciding(), 'set-mode', setModeRequestSchema, { mode });
      return { mode, agents: atLeastOne(said) };
    },
    'manage.targets': async () => ({
      targets: targets().map((target) => {
        const since = clock.now() - targetMs;
        const sketch = merged(aggregates, aggregates.series({ metric: target.metric }), since);
        if (sketch.count === 0) return { ...target, mean: null, met: null };
        const mean = sketch.sum / sketch.count;
        return { ...target, mean, met: satisfies(mean, target.relation, target.target) };
      }),
    }),
    'manage.set-targets': ({ body }) =>
      ask.one(continuum(), 'set-system-target', setSystemTargetRequestSchema, body, changeAnswerSchema),
    'manage.config-trust': async ({ body }) => {
      const clusters = deciding().filter(({ layer }) => layer === 'cluster');
      if (clusters.length === 0) throw new HttpError(404, 'no cluster agent was heard: trust is assessed by them');
      return { agents: atLeastOne(await ask.all(clusters, 'config-trust', configTrustRequestSchema, body)) };
    },
  };
}

/** @throws HttpError 502 when none of them did it */
function atLeastOne(said: Said[]): Said[] {
  if (said.some(({ ok }) => ok)) return said;
  throw new HttpError(502, said.length === 0 ? 'no agent was heard yet' : said.map(({ error }) => error).join('; '));
}
