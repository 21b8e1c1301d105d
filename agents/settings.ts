import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { modeSchema, systemTargetSchema, trustWeightsSchema } from './bus/administration.ts';
import { type AgentConfig, agentConfigSchema } from './config.ts';

/** What people have told an agent while it ran, laid over the file that it is started with; outlives it. */
export const agentSettingsSchema = z.strictObject({
  /** 1: learnt models decide, which start from heuristics while they know nothing. */
  mode: modeSchema.default(1),
  /** Settings of shipped policies by name; null: not to decide any more. */
  policies: z.record(z.string(), z.record(z.string(), z.json()).nullable()).default({}),
  config: z.record(z.string(), z.json()).default({}),
  targets: z.array(systemTargetSchema).default([]),
  /** What counts for how much in trust, of all nodes and of some. */
  trust: z
    .strictObject({ all: trustWeightsSchema.optional(), nodes: z.record(z.string(), trustWeightsSchema).default({}) })
    .default({ nodes: {} }),
});
export type AgentSettings = z.infer<typeof agentSettingsSchema>;

/** Where an agent keeps its settings. */
export interface SettingsStore {
  /** undefined when there are none yet. @throws Error when they cannot be read */
  load(): Promise<AgentSettings | undefined>;
  save(settings: AgentSettings): Promise<void>;
}

/** A file in the agent's state folder, replaced atomically. */
export function fileSettings({ stateFolder, agent }: Pick<AgentConfig, 'stateFolder' | 'agent'>): SettingsStore {
  const path = join(stateFolder, `${agent}.settings.json`);
  return {
    async load() {
      try {
        return agentSettingsSchema.parse(JSON.parse(await readFile(path, 'utf8')));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw error;
      }
    },
    async save(settings) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.new`, `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600 });
      await rename(`${path}.new`, path);
    },
  };
}

/** For what does not restart: nothing outlives the process. */
export function memorySettings(initial?: AgentSettings): SettingsStore {
  let settings = initial;
  return {
    load: async () => settings,
    save: async (next) => {
      settings = structuredClone(next);
    },
  };
}

/** Of an agent's config, what may be told over the bus: neither who it is, nor files or programs of its host. */
export const settableConfig = agentConfigSchema
  .pick({ heartbeatMs: true, telemetryMs: true, aggregateMs: true, telemetry: true })
  .partial();

/** @throws z.ZodError naming what cannot be set, or does not fit */
export function checkSettableConfig(settings: Record<string, unknown>): void {
  settableConfig.strict().parse(settings);
  const files = /"\w*File":/.exec(JSON.stringify(settings));
  if (files) throw new Error('what names a file of the host is set on the host');
}

/** The config that an agent runs with. @throws z.ZodError */
export const configWith = (config: AgentConfig, settings: AgentSettings | undefined): AgentConfig =>
  settings ? agentConfigSchema.parse({ ...config, ...settings.config }) : config;
