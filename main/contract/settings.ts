import { z } from 'zod';
import { call, stream } from './define.ts';

/** What a person may choose, without defaults: a change names what it changes alone. */
export const settingValues = z.object({
  /** system: as the computer says, also when that changes. */
  theme: z.enum(['system', 'light', 'dark']),
  motion: z.enum(['system', 'reduced']),
  /** What clocks show: the computer's time zone, or UTC. */
  clock: z.enum(['local', 'utc']),
  /** CSS pixels. */
  terminalFontSize: z.number().int().min(9).max(24),
  /** GiB of readings that a testbed keeps as they came; past it the oldest go, and their minutes stay. */
  readingsGiB: z.number().min(0.1).max(1000),
  /** Cores of each host that is made on this computer from now on. */
  localHostCores: z.number().min(0.1).max(64),
  /** Which versions a packed app looks for; off: it never asks. */
  updates: z.enum(['off', 'latest', 'beta']),
});

const { shape } = settingValues;
/** What was chosen by this user of this computer. Each has a default, so that an older file fits. */
export const settingsSchema = z.object({
  theme: shape.theme.default('system'),
  motion: shape.motion.default('system'),
  clock: shape.clock.default('local'),
  terminalFontSize: shape.terminalFontSize.default(12),
  readingsGiB: shape.readingsGiB.default(2),
  localHostCores: shape.localHostCores.default(1),
  updates: shape.updates.default('latest'),
});
export type Settings = z.infer<typeof settingsSchema>;

export const settingsContract = {
  /** As they are, then after each change. `trouble`: what was wrong with the file; the defaults hold until something is changed. */
  'settings.watch': stream(
    z.object({}),
    z.object({ settings: settingsSchema, file: z.string(), trouble: z.string().nullable() }),
  ),
  /** Changes those that are named, and keeps them. */
  'settings.change': call(z.object({ change: settingValues.partial() }), settingsSchema),
};
