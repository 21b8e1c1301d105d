import type { MechanismCommand } from '../decision/record.ts';
import type { Json } from '../mechanisms/mechanism.ts';

/** The framework's fluidity command for one action on one component. */
export const placementCommand = (
  application: string,
  component: string,
  action: Record<string, Json>,
  isInitial = false,
): MechanismCommand => ({
  mechanism: 'fluidity',
  command: { name: application, deployment_plan: { initial_plan: isInitial, [component]: [action] } },
});
