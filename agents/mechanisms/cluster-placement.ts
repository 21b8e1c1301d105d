import { z } from 'zod';
import type { ContinuumOrchestrator } from '../orchestration/orchestrator.ts';
import type { Json, Mechanism, PlanSteps } from './mechanism.ts';

/** The framework's command: which cluster each component goes to; here an application goes as a whole. */
export const clusterPlacementCommandSchema = z.object({ name: z.string(), action: z.record(z.string(), z.string()) });

/** Placement of applications on clusters, through Karmada. */
export class ClusterPlacementMechanism implements Mechanism {
  readonly name = 'clusterPlacement';
  readonly #orchestrator: ContinuumOrchestrator;

  constructor(orchestrator: ContinuumOrchestrator) {
    this.#orchestrator = orchestrator;
  }

  state(): Json {
    return this.#orchestrator.applications().map(({ description, clusters }) => ({ application: description.name, clusters }));
  }

  options(): Json {
    return { clusters: this.#orchestrator.members().map(({ name }) => name) };
  }

  touches(command: unknown): string[] {
    return [clusterPlacementCommandSchema.parse(command).name];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const { name, action } = clusterPlacementCommandSchema.parse(command);
    const clusters = [...new Set(Object.values(action))];
    await plan.run(`Propagate ${name} to ${clusters.join(', ')}`, () => this.#orchestrator.place(name, clusters, plan.planId));
  }
}
