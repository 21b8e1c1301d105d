import { leastPython, pythonFor } from '../support/python.ts';
import { type CheckFamily, error, type Finding, ok, type Subject } from './check.ts';

/** Python where Python policies are wanted, and the proxies by which hosts go out. */
export const softwareChecks: CheckFamily = (subject) => [python(subject), proxies(subject)];

function python({ facts, testbed }: Subject): Finding {
  const { python: found } = facts;
  const evidence =
    found === null
      ? 'it has no Python'
      : `it has Python ${found.version} ${found.pandas === null ? 'without pandas' : `with pandas ${found.pandas}`}`;
  const state = pythonFor(facts);
  if (state === 'there') return ok('python', evidence);
  if (!testbed.preflight.python) return ok('python', `${evidence}: policies in Python would not run there`);
  if (state === 'comes') return ok('python', `${evidence}: its distribution's python3-pandas will be installed`);
  return error(
    'python',
    `${evidence}, and policies in Python, which are wanted, need Python ${leastPython} with pandas`,
    `Install Python ${leastPython} or newer with pandas, as python3 of the PATH (Debian 12, Ubuntu 22.04 have them as packages)`,
  );
}

const proxies = ({ facts }: Subject): Finding =>
  ok('proxy', facts.proxies.map(({ file, url }) => `${url} (${file})`).join(', ') || 'none is set');
