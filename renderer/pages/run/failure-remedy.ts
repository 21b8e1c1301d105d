import type { FailureValue } from '../../state/types.ts';

/** A key that a host showed and that is not trusted. */
export interface OfferedKey {
  host: string;
  algorithm: string;
  fingerprint: string;
  /** What was trusted before: the host was installed anew, or somebody is in between. */
  was?: string | undefined;
}

/** What a button can do about a failure, besides trying again. */
export type Remedy =
  | { kind: 'keys'; keys: OfferedKey[] }
  /** Who has the hosts, one sentence for each. */
  | { kind: 'take-over'; holders: string[] }
  | { kind: 'reset'; host: string }
  | { kind: 'none' };

/** What stands in the way there may be what an earlier installation has left. */
const leftovers: ReadonlySet<string> = new Set(['step', 'preflight']);

/** Keys and leases of all hosts at once: hosts are connected to together, and fail so. */
export function remedyOf(failures: readonly FailureValue[], failure: FailureValue): Remedy {
  if (failure.code.startsWith('host-key')) {
    const offered = new Map<string, OfferedKey>();
    for (const { code, host, hostKey } of failures)
      if (host && hostKey && code.startsWith('host-key')) offered.set(host, { host, ...hostKey });
    return offered.size > 0 ? { kind: 'keys', keys: [...offered.values()] } : { kind: 'none' };
  }
  if (failure.code === 'lease') {
    const held = failures.filter(({ code }) => code === 'lease');
    return { kind: 'take-over', holders: held.map(({ host, cause }) => (host ? `${host}: ${cause}` : cause)) };
  }
  return failure.host && leftovers.has(failure.code) ? { kind: 'reset', host: failure.host } : { kind: 'none' };
}
