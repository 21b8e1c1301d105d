import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const stateSchema = z.object({
  x: z.number().int().optional(),
  y: z.number().int().optional(),
  width: z.number().int().min(900),
  height: z.number().int().min(600),
});
export type WindowState = z.infer<typeof stateSchema>;

const designed: WindowState = { width: 1440, height: 900 };

/** Where the window stood last time; the size it is designed for when that can't be told. */
export function loadWindowState(folder: string): WindowState {
  try {
    return stateSchema.parse(JSON.parse(readFileSync(join(folder, 'window.json'), 'utf8')));
  } catch {
    // First start, or a file from another version: nothing is lost by the designed size.
    return designed;
  }
}

export function saveWindowState(folder: string, bounds: WindowState): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'window.json'), JSON.stringify(bounds));
}
