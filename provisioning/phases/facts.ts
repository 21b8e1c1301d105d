import { z } from 'zod';
import { Failure } from '../run/failure.ts';
import type { ExecuteResult } from '../ssh/execute.ts';
import type { Host } from '../testbed/schema.ts';
import { hardwareFacts, hardwareScript } from './facts/hardware.ts';
import type { HostFacts } from './facts/host-facts.ts';
import { FactLines } from './facts/lines.ts';
import { networkFacts, networkScript } from './facts/network.ts';
import { resourceFacts, resourcesScript } from './facts/resources.ts';
import { runtimeFacts, runtimeScript } from './facts/runtime.ts';
import { softwareFacts, softwareScript } from './facts/software.ts';
import { systemFacts, systemScript } from './facts/system.ts';

export const factsPhase = { id: 'facts', title: 'Facts' } as const;

/** Reads everything that HostFacts holds: lines of "name value". Changes nothing, and goes on past what a host does not have. */
export const factsScript = `${systemScript}${resourcesScript}${networkScript}${hardwareScript}${runtimeScript}${softwareScript}
echo end
`;

/** Without these nothing can be said of a host; what else is missing has a value that says so. */
const neededSchema = z.object({
  time: z.coerce.number('a number of seconds').positive(),
  hostname: z.string('a name').min(1),
  kernel: z.string('a version').min(1),
  machine: z.string('an architecture').min(1),
  cores: z.coerce.number('a number').int().nonnegative(),
  memory: z.coerce.number('a number of kB').int().nonnegative(),
  end: z.string('the end of its answer'),
});

const architectures: Record<string, HostFacts['architecture']> = {
  x86_64: 'amd64',
  amd64: 'amd64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

/** @throws Failure (preflight) naming the host when it is of an architecture for which nothing can be installed, or its answer makes no sense */
export function parseFacts(host: Host, result: Pick<ExecuteResult, 'stdout' | 'beganAt' | 'startMs'>): HostFacts {
  const lines = new FactLines(result.stdout);
  const names = Object.keys(neededSchema.shape);
  const parsed = neededSchema.safeParse(Object.fromEntries(names.map((name) => [name, lines.one(name)])));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Failure({
      code: 'preflight',
      host: host.name,
      phase: factsPhase.id,
      cause: `what the host says of itself cannot be understood (${issue?.path.join('.')}: ${issue?.message})`,
      remedy: 'Is it a Linux with /proc? See the log for what it said',
    });
  }
  const needed = parsed.data;
  const architecture = Object.hasOwn(architectures, needed.machine) ? architectures[needed.machine] : undefined;
  if (architecture === undefined) {
    throw new Failure({
      code: 'preflight',
      host: host.name,
      phase: factsPhase.id,
      cause: `its architecture ${needed.machine.slice(0, 40)} is not supported`,
      remedy: 'Use a host with amd64 or arm64',
    });
  }
  return {
    hostname: needed.hostname,
    kernel: needed.kernel,
    architecture,
    clockOffsetS: Math.round((needed.time - result.beganAt / 1000) * 1000) / 1000,
    shellStartMs: Math.round(result.startMs),
    ...systemFacts(lines),
    ...resourceFacts(lines),
    ...networkFacts(lines),
    ...hardwareFacts(lines),
    ...runtimeFacts(lines),
    ...softwareFacts(lines),
  };
}
