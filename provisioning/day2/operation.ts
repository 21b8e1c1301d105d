import type { RunVerb } from '../run/events.ts';
import type { Phase } from '../run/phase.ts';
import type { Testbed } from '../testbed/schema.ts';

/**
 * One operation of day two: a run of the engine with a recipe of its own, and what becomes of the testbed file.
 *
 * Whoever carries it out writes `before` as the testbed, calls `startRun` with `verb`, `testbed`, `phases` and `hosts`, and writes `after` when
 * the run ended as "done". An operation that was interrupted is started again with the same arguments: it observes and does what is missing.
 *
 * The operations, each in a file of its own here, are plain functions that contact nobody:
 * - `addHost(testbed, host, options)`
 * - `removeHost(testbed, name, options, { gone?, force? })`
 * - `replaceHost(testbed, name, options)`: trust the host's new key first (`replaceHostKey` in ssh/host-keys.ts)
 * - `resetHost(testbed, name, options)`
 * - `upgrade(testbed, version, options, { force? })`
 * - `rotateCertificates(testbed, options)`
 * `options` are those of `makeRecipe`. Each throws a Failure (code "refused") that says why it cannot be, before anything is touched.
 * Dates of certificates are told by `readCertificates` (certificates.ts).
 */
export interface Operation {
  verb: RunVerb;
  /** The testbed that the run is about: every host it connects to, unless `hosts` names fewer. */
  testbed: Testbed;
  phases: Phase[];
  /** Names of the only hosts that the run connects to and changes; all when absent. */
  hosts?: string[];
  /** The testbed as it must stand in its file before the run begins, so that a later "up" goes on from there. */
  before: Testbed;
  /** The testbed as it stands once the run has ended as "done". */
  after: Testbed;
}
