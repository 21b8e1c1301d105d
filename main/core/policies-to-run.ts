import type { z } from 'zod';
import type { policyDetailSchema } from '../../agents/bus/administration.ts';
import type { PresentAgent } from '../../provisioning/twin/dry-run/present.ts';

/**
 * What of an agent's policies a dry run goes by. Files in Python are run as they are, with this person's rights: those that a host hands over are left out. In a simulated
 * testbed they ran on this computer before.
 */
export function policiesToRun(
  details: readonly z.infer<typeof policyDetailSchema>[],
  isSimulated: boolean,
): Pick<PresentAgent, 'policies' | 'files' | 'leftOut'> {
  const policies: PresentAgent['policies'] = {};
  const files: PresentAgent['files'] = [];
  const leftOut: string[] = [];
  for (const { name, kind, source, settings } of details)
    if (kind === 'shipped') policies[name] = settings ?? {};
    else if (source === null) continue;
    else if (kind === 'python' && !isSimulated) leftOut.push(name);
    else files.push({ name, language: kind, content: source });
  return { policies, files, leftOut };
}
