import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { writeJsonSchema } from '../../provisioning/testbed/json-schema.ts';
import { parseTestbedFile } from '../../provisioning/testbed/parse.ts';
import type { Testbed } from '../../provisioning/testbed/schema.ts';
import { writeTestbedFile } from '../../provisioning/testbed/write.ts';
import { recordingSchema, testbedStateSchema } from '../contract/testbeds.ts';

/** What the core itself remembers of a testbed. */
export const rememberedSchema = z.object({
  state: testbedStateSchema,
  createdAt: z.number(),
  lastRun: z.string().nullable(),
  /** Why it has failed, where that was not in a run. */
  trouble: z.string().optional(),
  /** As its last run, or its bundle, has told. */
  doubles: z.array(z.string()),
  /** Set when it is a recording of another testbed, which can only be looked at. */
  recording: recordingSchema.optional(),
});
export type Remembered = z.infer<typeof rememberedSchema>;

/** Where everything of one testbed lies on this computer. The whole folder is its user's alone (0700). */
export class TestbedFolder {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
  get testbedFile(): string {
    return join(this.path, 'testbed.yaml');
  }
  get stateFile(): string {
    return join(this.path, 'state.json');
  }
  get runs(): string {
    return join(this.path, 'runs');
  }
  get knownHosts(): string {
    return join(this.path, 'known_hosts');
  }
  /** Generated keys, certificates, passwords and kubeconfigs; each file 0600. */
  get secrets(): string {
    return join(this.path, 'secrets');
  }
  get identityFile(): string {
    return join(this.secrets, 'id_ed25519');
  }
  get store(): string {
    return join(this.path, 'store.duckdb');
  }
  get twin(): string {
    return join(this.path, 'twin');
  }

  async make(): Promise<void> {
    for (const folder of [this.path, this.runs, this.secrets]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await chmod(folder, 0o700);
    }
  }

  async writeTestbed(testbed: Testbed): Promise<void> {
    // Whoever opens the file in an editor has its keys completed.
    await writeJsonSchema(this.path);
    await writeInOnePiece(this.testbedFile, writeTestbedFile(testbed));
  }
  writeRemembered(remembered: Remembered): Promise<void> {
    return writeInOnePiece(this.stateFile, `${JSON.stringify(remembered, null, 2)}\n`);
  }

  /** @throws Error when the files do not hold a testbed. */
  async read(): Promise<{ testbed: Testbed; remembered: Remembered }> {
    const testbed = parseTestbedFile(await readFile(this.testbedFile, 'utf8'), this.testbedFile);
    return { testbed, remembered: rememberedSchema.parse(JSON.parse(await readFile(this.stateFile, 'utf8'))) };
  }
}

/** A file is there as a whole or as it was, also after the power went; its user alone reads it. */
export async function writeInOnePiece(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${randomBytes(4).toString('hex')}`;
  const handle = await open(fresh, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, file);
}
