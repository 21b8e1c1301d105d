import { z } from 'zod';
import type { Host, Testbed } from '../../testbed/schema.ts';
import type { HostFacts } from '../facts/host-facts.ts';

/** One thing that was looked at on one host, before anything is changed. */
export const checkSchema = z.object({
  /** Stable, e.g. "clock", "port-6443", "disk-/tmp". A testbed file can name it to have an error told as a warning. */
  id: z.string(),
  host: z.string(),
  severity: z.enum(['ok', 'warning', 'error']),
  /** What was found, as a sentence without a full stop. */
  evidence: z.string(),
  remedy: z.string().optional(),
});
export type Check = z.infer<typeof checkSchema>;
export type Finding = Omit<Check, 'host'>;

/** What is looked at by one family of checks: one host, and the others where they must differ or fit together. */
export interface Subject {
  host: Host;
  facts: HostFacts;
  testbed: Testbed;
  /** Of every host that has told its own, by name. */
  all: ReadonlyMap<string, HostFacts>;
}
export type CheckFamily = (subject: Subject) => Finding[];

export const ok = (id: string, evidence: string): Finding => ({ id, severity: 'ok', evidence });
export const warning = (id: string, evidence: string, remedy: string): Finding => ({ id, severity: 'warning', evidence, remedy });
export const error = (id: string, evidence: string, remedy: string): Finding => ({ id, severity: 'error', evidence, remedy });

export const gib = 1024 ** 3;
/** "1.7 GiB", "31 MiB" */
export const size = (bytes: number): string =>
  bytes >= gib / 2 ? `${(bytes / gib).toFixed(1)} GiB` : `${Math.round(bytes / 1024 ** 2)} MiB`;

/** An error that the testbed file says to go on with is a warning. */
export const tolerated = (check: Check, testbed: Testbed): Check =>
  check.severity === 'error' && testbed.preflight.ignore.includes(check.id) ? { ...check, severity: 'warning' } : check;
