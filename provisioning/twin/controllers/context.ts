import type { Clock } from '../../../agents/clock.ts';
import type { ObjectStore } from '../api/store.ts';

export interface ControllerContext {
  store: ObjectStore;
  clock: Clock;
  podCidr: string;
  serviceCidr: string;
}
