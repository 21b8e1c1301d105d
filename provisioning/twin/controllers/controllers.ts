import type { ControllerContext } from './context.ts';
import { controlDeployments } from './deployments.ts';
import { controlNodeLife } from './node-life.ts';
import { schedulePods } from './scheduler.ts';
import { controlServices } from './services.ts';

/** What kube-controller-manager and kube-scheduler do, as far as agents and applications need it. */
export function startControllers(context: ControllerContext): { close(): void } {
  const running = [controlDeployments(context), schedulePods(context), controlServices(context), controlNodeLife(context)];
  return {
    close() {
      for (const controller of running) controller.close();
    },
  };
}
