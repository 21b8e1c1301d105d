/** Exit codes by class of failure, so that a script can tell them apart. Told in --help. */
const classes: { code: number; what: string; failures: readonly string[] }[] = [
  { code: 0, what: 'done', failures: [] },
  { code: 1, what: 'something that should not happen: see core.log in the data folder', failures: [] },
  {
    code: 2,
    what: 'the command line or a file is wrong',
    failures: [
      'invalid-input',
      'invalid-file',
      'invalid-name',
      'invalid-bundle',
      'unreadable-testbed',
      'unreadable-journal',
      'invalid',
      'unprocessable',
      'too-large',
      'unsupported-type',
      'dry-run',
    ],
  },
  {
    code: 3,
    what: 'there is no such testbed, host, cluster, run, application, model or agent',
    failures: ['no-such-testbed', 'no-such-host', 'no-such-cluster', 'no-such-run', 'not-found'],
  },
  {
    code: 4,
    what: 'a host, an agent or an API cannot be reached',
    failures: ['unreachable', 'disconnected', 'bus', 'no-answer', 'invalid-answer', 'timed-out'],
  },
  { code: 5, what: "a host's key is unknown or has changed", failures: ['host-key-unknown', 'host-key-changed'] },
  { code: 6, what: 'signing in, or sudo, failed', failures: ['authentication', 'sudo', 'unauthorized', 'forbidden'] },
  { code: 7, what: 'a host is not fit (preflight)', failures: ['preflight'] },
  { code: 8, what: 'an artefact is missing or is not what it should be', failures: ['artefact'] },
  { code: 9, what: 'a step failed on a host', failures: ['step'] },
  {
    code: 10,
    what: 'it cannot be done as things are',
    failures: [
      'refused',
      'not-down',
      'not-up',
      'testbed-exists',
      'not-for-twins',
      'no-shell',
      'local-hosts-unavailable',
      'conflict',
      'not-implemented',
      'too-many',
      'busy',
      'cannot-simulate',
    ],
  },
  { code: 11, what: 'the hosts are not what the plan was made of', failures: ['drift'] },
  { code: 12, what: 'another run is at work there', failures: ['lease', 'run-in-flight'] },
  { code: 130, what: 'stopped', failures: ['cancelled'] },
];

/** 1 for a class that has no code of its own. */
export const exitCodeOf = (failure: string): number => classes.find(({ failures }) => failures.includes(failure))?.code ?? 1;

export const exitCodesHelp = ['Exit codes:', ...classes.map(({ code, what }) => `  ${String(code).padStart(3)}  ${what}`)].join(
  '\n',
);
