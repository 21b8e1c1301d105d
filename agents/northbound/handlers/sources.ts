import type { z } from 'zod';
import type { systemTargetSchema } from '../../bus/administration.ts';
import type { Bus } from '../../bus/bus.ts';
import type { ApplicationStatus } from '../../bus/messages.ts';
import type { ListedApplication } from '../../bus/requests.ts';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../config.ts';
import type { ContinuumOrchestrator } from '../../orchestration/orchestrator.ts';
import type { Aggregates } from '../../telemetry/aggregates.ts';

/** What the continuum agent does for the API and for the bus alike. */
export interface ContinuumServices {
  /** @throws DescriptionError, OrchestrationError */
  deploy(description: string): Promise<{ application: string; uid: string }>;
  list(): Promise<ListedApplication[]>;
  status(id: string): Promise<ApplicationStatus | undefined>;
  /** false when there is none. */
  remove(id: string): Promise<boolean>;
}

export type SystemTarget = z.infer<typeof systemTargetSchema>;

/** All that the API has of the continuum agent. */
export interface NorthboundSources {
  services: ContinuumServices;
  bus: Bus;
  clock: Clock;
  log: Log;
  version: string;
  stateFolder: string;
  aggregates: Aggregates;
  orchestrator: Pick<ContinuumOrchestrator, 'applications' | 'members'>;
  /** What the whole system is to keep to now. */
  targets(): readonly SystemTarget[];
  /** To models that are served over HTTP. */
  fetch: typeof fetch;
}
