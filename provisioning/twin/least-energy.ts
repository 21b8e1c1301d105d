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
 * Sets all nodes to the frequencies that together draw the least power while the camera's target is kept, by trying them in the physics; to the highest where none
 * keep it. A node without a part of the pipeline has the lowest: the same work draws the less the lower it is clocked. It sees what nobody can see and takes no
 * time: a bound on what frequencies may save where a placement is given, and none of the policies.
 */
export function setLeastEnergy(world: World, { application, node, targetMs, room }: LeastEnergyOptions): void {
  const has = (name: string): boolean => world.workloadsOn(name).some((one) => one.application === application);
  const others = world.names.filter((name) => name !== node && has(name));
  for (const name of world.names)
    if (name !== node && !others.includes(name)) set(world, name, frequenciesOf(world.node(name))[0]!);
  if (node === undefined) {
    setAll(world, others, (name) => world.node(name).ghz);
    return;
  }
  const own = frequenciesOf(world.node(node));
  let least: { watts: number; frequencies: Map<string, number> } | undefined;
  for (const combination of combinations(world, others)) {
    for (const [name, ghz] of combination) set(world, name, ghz);
    for (const ghz of own) {
      set(world, node, ghz);
      const latencyMs = world.pipeline(application)?.latencyMs ?? null;
      if (latencyMs === null || latencyMs + (room * camera.perPersonMs * camera.referenceGHz) / ghz > targetMs) continue;
      const watts = world.powerW.reduce((sum, one) => sum + one, 0);
      if (!least || watts < least.watts) least = { watts, frequencies: new Map([...combination, [node, ghz]]) };
      break;
    }
  }
  const found = least?.frequencies;
  setAll(world, [...others, node], (name) => found?.get(name) ?? world.node(name).ghz);
}

function* combinations(world: World, names: readonly string[]): Generator<[string, number][]> {
  const [first, ...rest] = names;
  if (first === undefined) return yield [];
  for (const ghz of frequenciesOf(world.node(first)))
    for (const others of combinations(world, rest)) yield [[first, ghz], ...others];
}

const setAll = (world: World, names: readonly string[], ghzOf: (name: string) => number): void => {
  for (const name of names) set(world, name, ghzOf(name));
};

/** A frequency that is set already costs no time to set again. */
const set = (world: World, name: string, ghz: number): void => {
  if (world.frequencyOf(name) !== ghz) world.setFrequency(name, ghz);
};
