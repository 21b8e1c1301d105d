import { Buffer } from 'node:buffer';
import { readUptime, stopFile } from '../ssh/execute.ts';
import { quote } from '../ssh/quote.ts';
import { fence } from './lease.ts';
import type { Step, StepFile } from './phase.ts';

/** Steps as they go over: with what their change needs, or without it where they are believed to be in place. */
export interface ReadyStep {
  step: Step;
  /** Absent: not evaluated; when the host finds the step missing, it says so and stops there. */
  change?: string;
  /** Put in place by the script itself. Large ones have been sent beside their place. */
  files?: { path: string; mode: string; content: string | Uint8Array | null }[];
}

/** How a script of steps can end besides 0: at a step whose change did not come along, failed, did not hold, or before a step when cancelled or when the host is another run's. */
export const exits = { needed: 91, failed: 92, unverified: 93, stopped: 94, locked: 95, fenced: 96 } as const;

/** What a script says of a step: `<mark> <word> <index> <uptime> [<exit code>]`. On stderr too, so that its lines can be told apart. */
export type StepWord = 'start' | 'in-place' | 'needed' | 'change' | 'changed' | 'failed' | 'unverified';

const say = (mark: string): string => `m_say() {
${readUptime('m_now')}
printf '\\n%s %s %s %s %s\\n' ${mark} "$1" "$2" "$m_now" "$3"
printf '\\n%s %s %s %s %s\\n' ${mark} "$1" "$2" "$m_now" "$3" >&2
}`;

/** What a step asks for, as lines before its observation; without an answer the variable is empty. */
const asksOf = ({ asks = {} }: Pick<Step, 'asks'>): string =>
  Object.entries(asks)
    .map(([name, command]) => `${name}=$(${command}) 2>/dev/null || :\n`)
    .join('');

/** Looks at all steps in one go. Says `in-place` or `needed` of each. */
export function observeScript(mark: string, steps: readonly Step[]): string {
  const asked = new Map<string, string>();
  const lines = steps.map((step, index) => {
    const fresh = Object.entries(step.asks ?? {}).filter(([name, command]) => asked.get(name) !== command);
    for (const [name, command] of fresh) asked.set(name, command);
    return `${asksOf({ asks: Object.fromEntries(fresh) })}if (
${step.observe}
) >/dev/null 2>&1; then m_say in-place ${index}; else m_say needed ${index}; fi`;
  });
  return [say(mark), ...lines].join('\n');
}

/**
 * Steps of one phase on one host: observe → change → verify, one after the other, ending at the first that fails. `lease`: token of the run
 * that must hold the host before each of them.
 */
export function changeScript(mark: string, phase: string, steps: readonly ReadyStep[], lease: string | null = null): string {
  return [say(mark), waitForEarlier(phase), ...steps.map((ready, index) => changeOf(mark, ready, index, lease))].join('\n');
}

/** Before each step: not when somebody has cancelled the run, or has taken the host over. */
const mayGoOn = (mark: string, lease: string | null): string =>
  `[ ! -e ${stopFile(mark)} ] || exit ${exits.stopped}${lease === null ? '' : `\n${fence(lease, exits.fenced)}`}`;

/** Where a host keeps which shell is at a phase: its PID, and when it started (clock ticks after boot), for PIDs come again. */
export const busyFile = (phase: string): string => `/run/mlsysops-${phase}.busy`;
/** An earlier run's step may take as long as this until it has ended, s. */
export const busyForS = 600;

/**
 * A run that was killed may have left a step in progress on the host; the next one waits for its shell to end. No lock of the kernel's: to
 * take one starts a program, and a daemon that a step has started would hold it for ever.
 */
const waitForEarlier = (
  phase: string,
): string => `m_started() { { read -r m_stat </proc/$1/stat; } 2>/dev/null || return; set -- \${m_stat##*) }; m_start=\${20}; }
m_busy= m_then=
{ read -r m_busy m_then <${busyFile(phase)}; } 2>/dev/null
if [ -n "$m_busy" ] && [ "$m_busy" != $$ ]; then
  m_waits=0
  while m_started "$m_busy" && [ "$m_start" = "$m_then" ]; do
    [ $m_waits != 0 ] || echo 'an earlier run is still busy here: waiting for its step to end' >&2
    m_waits=$((m_waits + 1))
    [ $m_waits -lt ${busyForS * 5} ] || exit ${exits.locked}
    sleep 0.2
  done
fi
m_started $$
trap ': >${busyFile(phase)}' EXIT
echo $$ $m_start >${busyFile(phase)}`;

function changeOf(mark: string, { step, change, files }: ReadyStep, index: number, lease: string | null): string {
  const observed = `${mayGoOn(mark, lease)}
m_say start ${index}
${asksOf(step)}if (
${step.observe}
) >/dev/null 2>&1; then m_say in-place ${index}; else`;
  if (change === undefined) return `${observed}\nm_say needed ${index}; exit ${exits.needed}\nfi`;
  return `${observed}
m_say change ${index}
${files === undefined || files.length === 0 ? '' : placeFiles(files, index)}(
${change}
)
m_rc=$?
[ $m_rc = 0 ] || { m_say failed ${index} $m_rc; exit ${exits.failed}; }
${asksOf(step)}if (
${step.verify ?? step.observe}
) >/dev/null 2>&1; then m_say changed ${index}; else m_say unverified ${index}; exit ${exits.unverified}; fi
fi`;
}

/** Where a file waits until its step is found missing: seeing it in place before would look as if somebody else had done the step. */
export const stagedPath = (path: string): string => `${path}.mlsysops-new`;

const placeFiles = (files: NonNullable<ReadyStep['files']>, index: number): string => `(
${files.map(placeFile).join('\n')}
:
) || { m_say failed ${index} $?; exit ${exits.failed}; }
`;

/** printf is part of the shell: what it prints is on no command line. */
function placeFile(file: { path: string; mode: string; content: string | Uint8Array | null }): string {
  const place = quote(file.path);
  const fresh = quote(stagedPath(file.path));
  if (file.content === null) return `chmod ${file.mode} ${fresh} && mv -f ${fresh} ${place} || exit 1`;
  const folder = quote(file.path.slice(0, file.path.lastIndexOf('/')) || '/');
  return `[ -d ${folder} ] || mkdir -p ${folder} || exit 1
( umask 077; printf '%s' '${Buffer.from(file.content).toString('base64')}' | base64 -d >${fresh} ) || exit 1
chmod ${file.mode} ${fresh} && mv -f ${fresh} ${place} || exit 1`;
}

/** Undoes steps, last first, going on past one that fails. */
export const undoScript = (mark: string, phase: string, steps: readonly Step[], lease: string | null = null): string =>
  [
    say(mark),
    waitForEarlier(phase),
    ...steps.map(
      (step, index) => `${mayGoOn(mark, lease)}
m_say start ${index}
(
${step.undo ?? ':'}
)
m_rc=$?
if [ $m_rc = 0 ]; then m_say changed ${index}; else m_say failed ${index} $m_rc; fi`,
    ),
    ':',
  ].join('\n');

/** Files up to this size travel inside the script (base64), larger ones are streamed before it. */
export const inlineLimit = 128 * 1024;

export const isLarge = (file: StepFile): boolean => 'localPath' in file || file.content.length > inlineLimit;
