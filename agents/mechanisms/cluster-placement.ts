import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { ContinuumOrchestrator } from '../orchestration/orchestrator.ts';
import type { Json, Mechanism, Step } from './mechanism.ts';
import { StepRunner } from './steps.ts';

/** The framework's command: which cluster each component goes to; here an application goes as a whole. */
export const clusterPlacementCommandSchema = z.object({ name: z.string(), action: z.record(z.string(), z.string()) });

/** Placement of applications on clusters, through Karmada. */
export class ClusterPlacementMechanism implements Mechanism {
  readonly name = 'clusterPlacement';
  readonly #orchestrator: ContinuumOrchestrator;
  readonly #clock: Clock;

  constructor(orchestrator: ContinuumOrchestrator, clock: Clock) {
    this.#orchestrator = orchestrator;
    this.#clock = clock;
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

  async apply(command: unknown, planId: string, report: (steps: Step[]) => void): Promise<void> {
    const { name, action } = clusterPlacementCommandSchema.parse(command);
    const clusters = [...new Set(Object.values(action))];
    const runner = new StepRunner(this.#clock, report);
    await runner.run(`Propagate ${name} to ${clusters.join(', ')}`, () => this.#orchestrator.place(name, clusters, planId));
  }
}
