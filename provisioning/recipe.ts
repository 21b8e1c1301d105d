import { agentsPhase } from './phases/agents.ts';
import { busPhase } from './phases/bus.ts';
import { karmadaPhase } from './phases/karmada.ts';
import { kubernetesPhase } from './phases/kubernetes.ts';
import { networkPhase } from './phases/network.ts';
import { preparePhase } from './phases/prepare.ts';
import { runtimePhase } from './phases/runtime.ts';
import { type RecipeOptions, toolsOf } from './phases/support/options.ts';
import { verifyPhase } from './phases/verify.ts';
import type { Phase } from './run/phase.ts';

/** From four bare hosts to a verified testbed. Connecting, facts and preflight come before, from the engine. */
export function makeRecipe(options: RecipeOptions): Phase[] {
  const tools = toolsOf(options);
  return [
    preparePhase(tools),
    runtimePhase(tools),
    kubernetesPhase(tools),
    networkPhase(),
    karmadaPhase(tools),
    busPhase(tools),
    agentsPhase(tools),
    verifyPhase(tools),
  ];
}
