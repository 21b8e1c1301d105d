import { join } from 'node:path';
import { genuine, originOf } from '../bus/genuine.ts';
import { type ApplicationStatus, applicationStatusSchema } from '../bus/messages.ts';
import type { ModelRow } from '../bus/models.ts';
import { subjects } from '../bus/subjects.ts';
import type { AgentConfig } from '../config.ts';
import { decisionRecordSchema } from '../decision/record.ts';
import { AgentWatch } from './agent-watch.ts';
import { AskAgents } from './ask-agents.ts';
import { askedModels } from './asked-model.ts';
import { EventLog } from './events.ts';
import { agentHandlers } from './handlers/agents.ts';
import { appHandlers } from './handlers/apps.ts';
import { frameworkHandlers } from './handlers/framework.ts';
import { infraHandlers } from './handlers/infra.ts';
import { manageHandlers } from './handlers/manage.ts';
import { mlHandlers } from './handlers/ml.ts';
import type { NorthboundSources } from './handlers/sources.ts';
import { Models } from './models.ts';
import { Registry } from './registry.ts';
import { type RunningNorthbound, startNorthboundServer } from './server.ts';

/**
 * The northbound API of a continuum agent, over what the agent knows and what it hears on the bus. Resolves when it listens; `port` 0 takes a
 * free one. `now`: real time in ms since the epoch, which clients live in, whatever the agent's clock is.
 * @throws Error when the tokens or certificates cannot be read, or the port cannot be had
 */
export async function startNorthbound(
  config: NonNullable<AgentConfig['northbound']>,
  sources: NorthboundSources,
  now: () => number = Date.now,
): Promise<RunningNorthbound & { models(): Promise<ModelRow[]> }> {
  const { bus, clock, log, stateFolder, version } = sources;
  const registry = await Registry.open(join(stateFolder, 'northbound-infrastructure.json'), log);
  const models = await Models.open(join(stateFolder, 'northbound-models.json'), { fetch: sources.fetch, now, log });
  const events = new EventLog();
  const agents = new AgentWatch(bus, clock, log, (agent) => events.add({ kind: 'agent', agent }));
  const told = new Map<string, string>();
  const tellStatus = (application: ApplicationStatus): void => {
    // Statuses are repeated; what is the same but for its time is no event.
    const key = `${application.cluster}/${application.application}`;
    const text = withoutTime(application);
    if (told.get(key) === text) return;
    if (application.state === 'removed') told.delete(key);
    else told.set(key, text);
    events.add({ kind: 'application', application });
  };
  const hearing = [
    agents,
    bus.subscribe(
      subjects.all.decisions,
      decisionRecordSchema,
      genuine(originOf.decision, (decision) => events.add({ kind: 'decision', decision }), log),
    ),
    bus.subscribe(subjects.all.applications, applicationStatusSchema, genuine(originOf.application, tellStatus, log)),
  ];
  const close = (): void => {
    for (const one of hearing) one.close();
  };
  try {
    const ask = new AskAgents(bus, agents);
    const asked = askedModels(models, sources.fetch, now);
    const server = await startNorthboundServer({
      config,
      stateFolder,
      version,
      log,
      now,
      events,
      handlers: {
        ...appHandlers(sources, events),
        ...infraHandlers(sources, registry, agents, ask),
        ...mlHandlers(models, asked),
        ...manageHandlers(sources, agents, ask, now),
        ...frameworkHandlers(sources, agents),
        ...agentHandlers(agents, ask, now),
      },
    });
    return {
      port: server.port,
      models: asked.rows,
      close() {
        server.close();
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

const withoutTime = (status: ApplicationStatus): string => JSON.stringify({ ...status, time: 0 });
