import { z } from 'zod';
import type { Rejection } from './rejection.ts';
import type { Mechanisms } from './situation.ts';

const schema = z.array(
  z.object({ application: z.string(), component: z.string(), permitted: z.boolean(), reason: z.string().optional() }),
);

/** Why a mechanism of components may not change one, as its options tell; undefined when it may, or tells nothing of it. */
export function permissionOf(
  mechanisms: Mechanisms,
  mechanism: string,
  { application, component }: { application?: string; component?: string },
): Rejection | undefined {
  const options = schema.safeParse(mechanisms[mechanism]?.options);
  const own = options.data?.find((one) => one.application === application && one.component === component);
  if (own?.permitted !== false) return undefined;
  return {
    rule: 'permitted_actions',
    reason: own.reason ?? `${application} does not permit changing the ${mechanism} of ${component}`,
  };
}
