import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Testbed } from '../testbed/schema.ts';
import { type PlanValue, planValueSchema } from './events.ts';
import { Failure } from './failure.ts';

/** Hex, of the testbed as a value: comments and order of keys in its file do not count. */
export const digestOfTestbed = (testbed: Testbed): string =>
  createHash('sha256')
    .update(JSON.stringify(sorted(testbed)))
    .digest('hex');

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, sorted(one)]));
}

/** As it is kept in a file. */
export const writePlan = (plan: PlanValue): string => `${JSON.stringify(plan, null, 2)}\n`;

/** A plan from a file. @throws Failure (invalid-file) saying what is wrong with it */
export function readPlan(text: string): PlanValue {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(`it is not JSON (${error instanceof Error ? error.message : String(error)})`, error);
  }
  const version = z.object({ version: z.number() }).safeParse(value);
  if (version.success && version.data.version !== 1)
    throw invalid(`it has version ${version.data.version}, and this app reads version 1`);
  const parsed = planValueSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(`${issue?.path.join('.') || 'the whole of it'}: ${issue?.message}`, parsed.error);
}

const invalid = (why: string, cause?: unknown): Failure =>
  new Failure(
    {
      code: 'invalid-file',
      cause: `this is no plan: ${why}`,
      remedy: 'Make a new one: mlsysops-cli testbed plan NAME --out FILE',
    },
    { cause },
  );
