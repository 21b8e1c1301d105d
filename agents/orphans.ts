import type { Log } from './config.ts';
import type { ClusterOrchestrator } from './orchestration/orchestrator.ts';

/** Components whose application is gone, or no longer has them, are removed. One whose description is there but cannot be read is left alone. */
export async function removeOrphans(orchestrator: ClusterOrchestrator, log: Log): Promise<void> {
  const names = new Set(orchestrator.describedNames());
  const usable = new Map(orchestrator.applications().map(({ description }) => [description.name, description]));
  const isWanted = (application: string, component: string): boolean => {
    const description = usable.get(application);
    if (!description) return names.has(application);
    return description.components.some(({ metadata }) => metadata.name === component);
  };
  for (const { application, component } of orchestrator.components()) {
    if (isWanted(application, component)) continue;
    try {
      await orchestrator.remove(application, component);
      log('info', `removed ${component} of ${application}: it is not described any more`);
    } catch (error) {
      log('error', `${component} of ${application} could not be removed`, { error: String(error) });
    }
  }
}
