import { camera } from './simulation/camera.ts';
import { frequenciesOf } from './simulation/processors.ts';
import type { World } from './simulation/world.ts';

export interface LeastEnergyOptions {
  application: string;
  /** Node where the classifier works; undefined while it works nowhere. */
  node: string | undefined;
  targetMs: number;
  /** For how many people more than are in view the target must hold too: none for one who knows of each in no time. */
  room: number;
}

/**
 * Sets every node to the lowest frequency at which the camera's target is kept, by trying each in the physics, and the highest where none keeps it. Power grows
 * with the frequency for the same work wherever volts do not fall, so this is the least energy. It sees what nobody can see and takes no time: a bound on what a
 * policy may save, and none of the policies.
 */
export function setLeastEnergy(world: World, { application, node, targetMs, room }: LeastEnergyOptions): void {
  for (const name of world.names) {
    const kept = frequenciesOf(world.node(name)).some((ghz) => {
      if (world.frequencyOf(name) !== ghz) world.setFrequency(name, ghz);
      if (name !== node) return true;
      const latencyMs = world.pipeline(application)?.latencyMs ?? null;
      return latencyMs !== null && latencyMs + (room * camera.perPersonMs * camera.referenceGHz) / ghz <= targetMs;
    });
    if (!kept) world.setFrequency(name, world.node(name).ghz);
  }
}
