/** Who leads, and since when: the fields of a `coordination.k8s.io/v1` Lease that its holder writes. */
export interface Lease {
  /** Who holds it; empty when it was given back. */
  holder: string;
  /** How long it holds after a renewal was seen. */
  durationMs: number;
  /** On the holder's clock, ms since the epoch: for people to read. Nobody else's decision depends on them. */
  acquiredAt: number;
  renewedAt: number;
  /** How often it has passed from one holder to another. */
  transitions: number;
}

/** A lease as it is stored; `version` changes with every write. */
export interface StoredLease extends Lease {
  version: string;
}

/** One lease somewhere that all candidates reach. A write that was refused or got no answer may be tried again: versions make it safe. */
export interface LeaseStore {
  /** undefined while there is none. @throws Error when it cannot be known */
  get(): Promise<StoredLease | undefined>;
  /** undefined when somebody else has made it. @throws Error when it is unknown whether it was made */
  create(lease: Lease): Promise<StoredLease | undefined>;
  /** Only while `version` is the stored one; undefined when it is not. @throws Error when it is unknown whether it was written */
  update(lease: Lease, version: string): Promise<StoredLease | undefined>;
}

/** Times of an election; all candidates for one lease have the same. */
export interface LeaseTiming {
  /** Whole seconds, as the API has it: others wait so long after the last renewal that they saw. */
  durationMs: number;
  /** A holder that could not renew for so long stops leading. The rest up to `durationMs` is for clocks that run at different speeds. */
  renewDeadlineMs: number;
  /** Between two attempts to get or to renew it, and the longest that one request may take. */
  retryMs: number;
}

/** A holder that died is followed within `durationMs` and two attempts: 8 s at most while the API answers. */
export const usualTiming: LeaseTiming = { durationMs: 6000, renewDeadlineMs: 4000, retryMs: 1000 };
