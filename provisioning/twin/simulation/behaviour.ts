import { type CameraRole, camera } from './camera.ts';
import type { ItemsModel } from './people.ts';
import type { ServiceModel } from './service.ts';

/**
 * What a component can tell of its work. items: in each request; served, lost: requests of its application since the beginning; latency: of a request
 * from its making to its end, ms; stay: the part of it in this component, ms; itemStay: that for one item, ms, as single ones vary.
 */
export const toldKinds = ['items', 'served', 'lost', 'latency', 'stay', 'itemStay'] as const;
export type ToldKind = (typeof toldKinds)[number];

/** What a component does: the service it gives, the requests it makes, whom it sends to, and what it tells. */
export interface Behaviour {
  service: ServiceModel;
  /** Requests/s that it makes of itself. */
  makes?: number;
  /** What its device draws while it works (a camera), W, besides the power of its node. */
  deviceW?: number;
  /** What is in view of it, and so in each request of its application, comes and goes by chance. */
  items?: ItemsModel;
  sendsTo: { component: string; requests?: number; bytes?: number; bytesPerItem?: number }[];
  /** Its application metrics, by their names. */
  tells?: Readonly<Record<string, ToldKind>>;
}

/** By application and component; undefined for what is not described. */
export type Behaviours = (application: string, component: string) => Behaviour | undefined;

const framesTold = { people_in_view: 'items', frames_total: 'served' } as const;

/** The smart-camera application: latency ≈ 10 + 22 ms × people, on a core at the reference frequency. */
export const cameraBehaviours: Record<CameraRole, Behaviour> = {
  camera: {
    service: { fixedMs: 0.4 * camera.baseMs, steadyCores: 0.03 },
    makes: camera.framesPerSecond,
    sendsTo: [{ component: 'detector', bytes: camera.frameBytes }],
    tells: { ...framesTold, frames_dropped_total: 'lost' },
  },
  detector: {
    service: { fixedMs: 0.6 * camera.baseMs, steadyCores: 0.06 },
    sendsTo: [{ component: 'classifier', bytesPerItem: camera.cropBytes }],
    tells: framesTold,
  },
  // Two frames at once; a third one finds no place, and a newer is worth more than it.
  classifier: {
    service: { perItemMs: camera.perPersonMs, steadyCores: 0.02, threads: 2 },
    sendsTo: [],
    tells: { ...framesTold, person_classify_latency_ms: 'itemStay', frame_classify_latency_ms: 'latency' },
  },
};
