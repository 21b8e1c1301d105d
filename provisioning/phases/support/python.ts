import { isWithinRange } from '../../artefacts/versions.ts';
import type { Step } from '../../run/phase.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import { packagesStep } from './packages.ts';

/** The framework's policy files use what came with 3.10. */
export const leastPython = '3.10';
/** Whose own Python is that new, from that release on. */
const releases: Record<string, string> = { debian: '>=12.0.0', raspbian: '>=12.0.0', ubuntu: '>=22.4.0' };

/** Whether a host has what policies in Python need (3.10, and pandas for telemetry), gets it from its distribution, or cannot. */
export function pythonFor({
  python,
  os,
  runtime,
}: Pick<HostFacts, 'python' | 'os' | 'runtime'>): 'there' | 'comes' | 'not to be had' {
  const fits = python !== null && isWithinRange(python.version, '>=3.10.0');
  if (fits && python.pandas !== null) return 'there';
  const range = releases[os.id];
  // pandas of the distribution is for its own Python, not for one that somebody has put before it.
  const own = python === null || /^\/(usr\/)?bin\//.test(python.path);
  return own && runtime?.apt === true && range !== undefined && isWithinRange(os.version, range) ? 'comes' : 'not to be had';
}

/** pandas comes with Python and numpy; looking for it by its notes takes a tenth of importing it. */
export const pythonStep: Step = packagesStep({
  id: 'python',
  title: 'Install pandas for policies in Python',
  packages: ['python3', 'python3-pandas'],
  observe: [
    `python3 -I -c 'import sys; from importlib import metadata; metadata.version("pandas"); sys.exit(sys.version_info < (3, 10))'`,
  ],
});
