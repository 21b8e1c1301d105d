import { Buffer } from 'node:buffer';
import { readUptime } from '../ssh/execute.ts';
import { Failure } from './failure.ts';

/**
 * Where a host keeps who is provisioning it. In /run: a host that was switched off holds no lease of a run that may be gone, nothing is left
 * on its disk, and a lease that has vanished tells the run that holds it that the host has been restarted.
 */
export const leaseFile = '/run/mlsysops.lease';
/** Tokens of runs that were taken over: a lease that is gone without this was lost with everything in /run. */
const lostFile = `${leaseFile}.lost`;
/** Without a sign of life for so long, a run is taken for dead and its lease taken over. By the host's uptime: clocks may be set meanwhile. */
export const staleAfterS = 120;
/** How often a run gives a sign of life: five times missed, it still holds. */
export const beatMs = 20_000;

/** What a host says when asked for its lease. */
export type LeaseAnswer =
  /** It is ours; `before`: of whom it was taken over. */
  | { state: 'taken'; before: string | null }
  /** It was ours already. */
  | { state: 'kept' }
  | { state: 'held'; holder: Holder }
  /** Somebody has taken it over, and has given it back. */
  | { state: 'lost' }
  /** The host could not keep it (no /run?). */
  | { state: 'failed' };

export interface Holder {
  owner: string;
  run: string;
  /** Since the run took it, and since its last sign of life, by the host. */
  forS: number;
  silentS: number;
}

export interface LeaseRequest {
  /** Letters, digits and "-": unique to the run. */
  token: string;
  owner: string;
  run: string;
  /** "take" may take over what is stale or what the owner has left; "keep" takes it only where there is none. */
  mode: 'take' | 'keep';
  takeOver?: boolean;
  /** Tokens of runs of this process that live: not taken for what an earlier run of the same owner has left. */
  alive?: readonly string[];
}

const encode = (text: string): string => Buffer.from(text).toString('base64') || '-';
const decode = (text = ''): string => (text === '-' ? '' : Buffer.from(text, 'base64').toString('utf8'));

/** Lines of the file: token, owner and run (base64), when it was taken (uptime, s), last sign of life (uptime, s). */
export function leaseScript(mark: string, request: LeaseRequest): string {
  const owner = encode(request.owner);
  const alive = (request.alive ?? []).filter((token) => token !== request.token).join(' ');
  return `(
if command -v flock >/dev/null 2>&1; then exec 8</run && flock -w 20 8 || exit 1; fi
m_token= m_owner= m_run= m_since= m_beat=
{ read -r m_token && read -r m_owner && read -r m_run && read -r m_since && read -r m_beat; } 2>/dev/null <${leaseFile} || m_token=
case $m_since$m_beat in ''|*[!0-9]*) m_token= ;; esac
${readUptime('m_up')}
m_up=\${m_up%.*}
m_free=0 m_from=-
if [ -z "$m_token" ] && [ ${request.mode} = keep ] && grep -qxF ${request.token} ${lostFile}; then
  printf '\\n%s lease lost\\n' ${mark}
  exit 0
fi
if [ -z "$m_token" ]; then m_free=1
elif [ "$m_token" = ${request.token} ]; then m_free=2
elif [ ${request.mode} = take ]; then
  m_from=$m_owner
  if [ ${request.takeOver ? 1 : 0} = 1 ] || [ $((m_up - m_beat)) -ge ${staleAfterS} ]; then m_free=1
  elif [ "$m_owner" = '${owner}' ]; then case ' ${alive} ' in *" $m_token "*) ;; *) m_free=1 ;; esac
  fi
fi
if [ $m_free = 0 ]; then
  printf '\\n%s lease held %s %s %s %s\\n' ${mark} $((m_up - m_since)) $((m_up - m_beat)) "$m_run" "$m_owner"
  exit 0
fi
[ $m_free = 2 ] || m_since=$m_up
[ $m_from = - ] || printf '%s\\n' "$m_token" >>${lostFile}
umask 022
printf '%s\\n' ${request.token} '${owner}' '${encode(request.run)}' "$m_since" "$m_up" >${leaseFile}.new && mv -f ${leaseFile}.new ${leaseFile} || exit 1
if [ $m_free = 2 ]; then printf '\\n%s lease kept\\n' ${mark}; else printf '\\n%s lease taken %s\\n' ${mark} "$m_from"; fi
) 2>/dev/null || printf '\\n%s lease failed\\n' ${mark}
`;
}

/** Gives the lease back where it is this run's. */
export const releaseScript = (token: string): string => `(
if command -v flock >/dev/null 2>&1; then exec 8</run && flock -w 20 8; fi
m_token=
{ read -r m_token; } 2>/dev/null <${leaseFile}
[ "$m_token" = ${token} ] && rm -f ${leaseFile}
) 2>/dev/null
:`;

/** Ends a script of steps that has lost its host to another run. */
export const fence = (token: string, exitCode: number): string =>
  `m_lease=; { read -r m_lease; } 2>/dev/null <${leaseFile}; [ "$m_lease" = ${token} ] || exit ${exitCode}`;

/** null when the words at a mark are not about a lease. */
export function parseLeaseAnswer(words: readonly string[]): LeaseAnswer | null {
  const [about, state, ...rest] = words;
  if (about !== 'lease') return null;
  if (state === 'taken') return { state, before: rest[0] === '-' || rest[0] === undefined ? null : decode(rest[0]) };
  if (state === 'kept' || state === 'lost') return { state };
  if (state !== 'held') return { state: 'failed' };
  const [forS, silentS, run, owner] = rest;
  return { state, holder: { forS: Number(forS), silentS: Number(silentS), run: decode(run), owner: decode(owner) } };
}

/** @param now ms since the epoch */
export function leaseFailure(host: string, holder: Holder, now: number): Failure {
  const since = new Date(now - holder.forS * 1000).toTimeString().slice(0, 5);
  return new Failure({
    code: 'lease',
    host,
    cause: `it is being provisioned by ${holder.owner} since ${since} (run ${holder.run}, last sign of life ${holder.silentS} s ago)`,
    remedy: `Wait for its end, or take the hosts over (--take-over) if that computer is gone; after ${staleAfterS} s without a sign of life that happens by itself`,
  });
}

export const leaseLost = (host: string, to?: Holder): Failure =>
  new Failure({
    code: 'lease',
    host,
    cause: to ? `the run of ${to.owner} has taken it over (run ${to.run})` : 'another run has taken it over',
    remedy: 'Agree with whoever that is, then run again: it goes on from there',
  });
