import { type CameraRole, camera } from './camera.ts';
import type { ServiceModel } from './service.ts';

/** What a component does: the service it gives, the requests it makes, and whom it sends to. */
export interface Behaviour {
  service: ServiceModel;
  /** Requests/s that it makes of itself. */
  makes?: number;
  /** Mean number of items in view of it, which come and go by chance. */
  items?: { mean: number; stayMs: number };
  sendsTo: { component: string; requests?: number; bytes?: number; bytesPerItem?: number }[];
}

/** The smart-camera application: latency ≈ 10 + 22 ms × people, on a core at the reference frequency. */
export const cameraBehaviours: Record<CameraRole, Behaviour> = {
  camera: {
    service: { fixedMs: 0.4 * camera.baseMs, steadyCores: 0.03 },
    makes: camera.framesPerSecond,
    sendsTo: [{ component: 'detector', bytes: camera.frameBytes }],
  },
  detector: {
    service: { fixedMs: 0.6 * camera.baseMs, steadyCores: 0.06 },
    sendsTo: [{ component: 'classifier', bytesPerItem: camera.cropBytes }],
  },
  // Two frames at once; a third one finds no place, and a newer is worth more than it.
  classifier: { service: { perItemMs: camera.perPersonMs, steadyCores: 0.02, threads: 2 }, sendsTo: [] },
};
