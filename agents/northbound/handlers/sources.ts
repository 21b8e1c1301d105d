import type { ApplicationStatus } from '../../bus/messages.ts';
import type { ListedApplication } from '../../bus/requests.ts';

/** What the continuum agent does for the API and for the bus alike. */
export interface ContinuumServices {
  /** @throws DescriptionError, OrchestrationError */
  deploy(description: string): Promise<{ application: string; uid: string }>;
  list(): Promise<ListedApplication[]>;
  status(id: string): Promise<ApplicationStatus | undefined>;
  /** false when there is none. */
  remove(id: string): Promise<boolean>;
}
