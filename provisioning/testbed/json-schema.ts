import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { testbedSchema } from './schema.ts';
import { schemaFileName } from './write.ts';

/** JSON Schema (2020-12) of testbed.yaml, as editors want it: what may be left out is optional. Published as assets/testbed.schema.json. */
export function testbedJsonSchema(): string {
  const schema = z.toJSONSchema(testbedSchema, { io: 'input', target: 'draft-2020-12' });
  const titled = { ...schema, title: 'Testbed of MLSysOps Desktop', description: 'testbed.yaml: hosts that become a testbed.' };
  return `${JSON.stringify(titled, null, 2)}\n`;
}

/** Puts the schema beside a testbed file, where the first line of that file points to. */
export function writeJsonSchema(folder: string): Promise<void> {
  return writeFile(path.join(folder, schemaFileName), testbedJsonSchema(), { mode: 0o644 });
}
