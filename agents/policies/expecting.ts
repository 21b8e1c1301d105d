import type { MechanismCommand } from '../decision/record.ts';
import { actionsOf, placementCommandSchema } from '../mechanisms/placement.ts';
import type { ComponentView } from '../orchestration/orchestrator.ts';
import type { ClusterSituation } from './situation.ts';

/** A cluster as it will be once these placements are done: what is on its way to a node needs its room there already. */
export function expectingPlacements(view: ClusterSituation, commands: readonly MechanismCommand[]): ClusterSituation {
  const components = new Map(view.components.map((component) => [`${component.application}/${component.component}`, component]));
  for (const { mechanism, command } of commands) {
    if (mechanism !== 'fluidity') continue;
    const { success, data } = placementCommandSchema.safeParse(command);
    if (!success) continue;
    for (const [component, actions] of actionsOf(data))
      for (const action of actions) {
        const host = action.action === 'deploy' ? action.host : action.action === 'move' ? action.target_host : undefined;
        if (host === undefined) continue;
        const key = `${data.name}/${component}`;
        const known: ComponentView = components.get(key) ?? {
          application: data.name,
          component,
          componentUid: '',
          pin: null,
          pods: [],
        };
        if (known.pin !== host) components.set(key, { ...known, pin: host });
      }
  }
  return { ...view, components: [...components.values()] };
}
