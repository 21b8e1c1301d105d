import { controlPlaneOf } from '../phases/support/hosts.ts';
import { Failure } from '../run/failure.ts';
import type { RunContext, Step } from '../run/phase.ts';
import type { Host } from '../testbed/schema.ts';

/**
 * Runs a script on the control plane of a host's cluster, for a step of that host: a worker's own credentials cover its own node alone.
 * `step` is the one it was made for: its remedies are said when it fails.
 * @throws Failure
 */
export async function onControlPlane(host: Host, context: RunContext, script: string, step?: Step): Promise<string> {
  const controlPlane = controlPlaneOf(context.testbed, host.cluster);
  try {
    return await context.execute(controlPlane.name, script, { timeoutS: step?.timeoutS, step: step?.id });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const known = step?.remedies?.find(({ pattern }) => pattern.test(error.value.stderr ?? ''));
    const { message: _message, ...value } = error.value;
    throw new Failure({ ...value, cause: known?.cause ?? value.cause, remedy: known?.remedy ?? value.remedy }, { cause: error });
  }
}
