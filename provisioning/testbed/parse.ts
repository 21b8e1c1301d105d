import { z } from 'zod';
import { isInventory, readInventory } from './inventory.ts';
import { LocatedYaml, type Path, type Problem } from './located.ts';
import { nearest } from './nearest.ts';
import { type Testbed, testbedSchema } from './schema.ts';
import { semanticProblems } from './semantics.ts';
import { withTwinHosts } from './twin-hosts.ts';

/**
 * Reads testbed.yaml, or a plain Ansible inventory of the framework (told by its `all:` or its groups of hosts).
 * @throws Failure (invalid-file) with file:line:column, the offending key and, for an unknown key, the one that was probably meant
 */
export function parseTestbedFile(text: string, fileName: string): Testbed {
  const yaml = new LocatedYaml(text, fileName);
  if (isInventory(yaml.value)) return readInventory(yaml, fileName);
  const parsed = testbedSchema.safeParse(yaml.value);
  if (!parsed.success) throw yaml.failure(parsed.error.issues.flatMap((issue) => problemsOf(issue)));
  const problems = semanticProblems(parsed.data);
  if (problems.length > 0) throw yaml.failure(problems);
  return withTwinHosts(parsed.data);
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  const path: Path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  const where = path.length === 0 ? 'the file' : path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(path);
    return issue.keys.map((key) => {
      const meant = nearest(key, known);
      const hint = meant === null ? `; known here: ${known.join(', ')}` : `, did you mean "${meant}"?`;
      return { path: [...path, key], atKey: true, text: `unknown key "${key}"${hint}` };
    });
  }
  if (issue.code === 'invalid_type' && issue.message.includes('received undefined'))
    return [{ path, text: `"${path.at(-1) ?? ''}" is missing${path.length > 1 ? ` in ${path.slice(0, -1).join('.')}` : ''}` }];
  return [{ path, text: `${where}: ${issue.message}` }];
}

/** Keys that the schema knows at a place. */
function keysAt(path: Path): string[] {
  let schema: z.ZodType = testbedSchema;
  for (const part of path) {
    const inner = unwrap(schema);
    if (inner instanceof z.ZodObject) schema = inner.shape[String(part)] as z.ZodType;
    else if (inner instanceof z.ZodArray) schema = inner.element as z.ZodType;
    else if (inner instanceof z.ZodRecord) schema = inner.valueType as z.ZodType;
    else return [];
  }
  const inner = unwrap(schema);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function unwrap(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional)
    inner = inner.unwrap() as z.ZodType;
  return inner;
}
