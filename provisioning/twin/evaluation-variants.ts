import type { AgentConfig } from '../../agents/config.ts';
import type { ItemsModel } from './simulation/people.ts';

/**
 * Placed once; moved by the QoS policy with learnt models, as it is shipped; the same by heuristics (mode 0); moved by LinUCB; by the QoS policy, and every
 * worker at the frequency that costs the least energy, as shipped with room for one person more, or carefully for two.
 */
export const policyVariants = ['static', 'qos', 'qos-heuristic', 'bandit', 'qos-dvfs', 'qos-dvfs-careful'] as const;
/**
 * Bounds on what frequencies may save beside the QoS policy, by an oracle that sees the physics and takes no time. The second keeps room for one person more
 * than are in view, as must whoever hears of people only after they have come.
 */
export const boundVariants = ['qos-oracle', 'qos-oracle-room'] as const;
/** A camera in a quiet street that looks all the time, and one that sleeps while the sound says that nobody is near. */
export const streetVariants = ['street', 'street-gated'] as const;
export const cameraVariants = [...policyVariants, ...boundVariants, ...streetVariants] as const;
export type CameraVariant = (typeof cameraVariants)[number];

type Policies = NonNullable<AgentConfig['policies']>;
export interface VariantPlan {
  /** File of the application in assets/applications. */
  application: 'smart-camera' | 'lamppost-camera';
  cluster: Policies;
  node: Policies;
  mode: 0 | 1;
  /** People more than are in view that an oracle keeps room for. */
  oracleRoom?: number;
  /** Who passes by; without it, as many as in the framework's experiment. */
  people?: ItemsModel;
  /** What the camera draws while it looks, W. */
  deviceW?: number;
}

const camera: VariantPlan = { application: 'smart-camera', cluster: { 'static-placement': {} }, node: {}, mode: 1 };
const moved: VariantPlan = { ...camera, cluster: { 'static-placement': {}, 'relocate-by-latency': {} } };
/** Somebody every three minutes or so, for half a minute; a camera on USB 2.0, which may draw 500 mA at 5 V. */
const street: VariantPlan = {
  ...camera,
  application: 'lamppost-camera',
  people: { mean: 0.15, stayMs: 30_000, now: 0 },
  deviceW: 2.5,
};

export const variantPlans: Record<CameraVariant, VariantPlan> = {
  static: camera,
  qos: moved,
  'qos-heuristic': { ...moved, mode: 0 },
  bandit: { ...camera, cluster: { 'static-placement': {}, 'bandit-placement': {} } },
  'qos-dvfs': { ...moved, node: { dvfs: {} } },
  'qos-dvfs-careful': { ...moved, node: { dvfs: { headroom: 2 } } },
  'qos-oracle': { ...moved, oracleRoom: 0 },
  'qos-oracle-room': { ...moved, oracleRoom: 1 },
  street,
  'street-gated': {
    ...street,
    cluster: { 'static-placement': {}, 'sensor-gated-cameras': {} },
    node: { 'presence-from-sound': {} },
  },
};
