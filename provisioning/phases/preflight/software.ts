import { type CheckFamily, error, type Finding, ok, type Subject } from './check.ts';

/** Python where Python policies are wanted, and the proxies by which hosts go out. */
export const softwareChecks: CheckFamily = (subject) => [python(subject), proxies(subject)];

/** Python policy files need 3.10; those that look at telemetry need pandas. */
const leastMinor = 10;

function python({ facts, testbed }: Subject): Finding {
  const found = facts.python;
  const [major = 0, minor = 0] = (found?.version ?? '').split('.').map(Number);
  const fits = major === 3 && minor >= leastMinor;
  const evidence =
    found === null
      ? 'it has no Python'
      : `it has Python ${found.version}${fits ? '' : ` (3.${leastMinor} is needed)`}${found.pandas === null ? ' without pandas' : ` with pandas ${found.pandas}`}`;
  if (fits && found?.pandas != null) return ok('python', evidence);
  if (!testbed.preflight.python) return ok('python', `${evidence}: policies in Python would not run there`);
  return error(
    'python',
    `${evidence}, and Python policies are wanted`,
    fits
      ? 'apt-get install python3-pandas'
      : `Install Python 3.${leastMinor} or newer with pandas (Debian 12, Ubuntu 22.04: apt-get install python3 python3-pandas)`,
  );
}

const proxies = ({ facts }: Subject): Finding =>
  ok('proxy', facts.proxies.map(({ file, url }) => `${url} (${file})`).join(', ') || 'none is set');
