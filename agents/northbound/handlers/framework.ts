import { layerSchema } from '../../decision/record.ts';
import type { AgentWatch } from '../agent-watch.ts';
import type { HandlersOf } from '../endpoints/table.ts';
import type { NorthboundSources } from './sources.ts';

type FrameworkSources = Pick<NorthboundSources, 'services' | 'orchestrator' | 'version'>;

export function frameworkHandlers(sources: FrameworkSources, agents: AgentWatch): HandlersOf<'framework'> {
  const { services, orchestrator, version } = sources;
  return {
    'framework.status': async () => {
      const known = agents.all();
      return {
        version,
        layers: layerSchema.options.map((layer) => {
          const ofLayer = known.filter((one) => one.layer === layer);
          const silent = ofLayer.filter(({ alive }) => !alive).map(({ agent }) => agent);
          return { layer, alive: ofLayer.length - silent.length, silent };
        }),
        clusters: orchestrator.members().map(({ name, ready }) => ({ id: name, ready })),
        applications: await Promise.all(
          (await services.list()).map(async ({ application, uid }) => ({
            application,
            state: (await services.status(uid))?.state ?? 'unknown',
          })),
        ),
      };
    },
  };
}
