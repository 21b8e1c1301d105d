import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const stateSchema = z.object({
  x: z.number().int().optional(),
  y: z.number().int().optional(),
  width: z.number().int().min(720),
  height: z.number().int().min(600),
  maximized: z.boolean().default(false),
});
export type WindowState = z.infer<typeof stateSchema>;

export interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

const designed: WindowState = { width: 1440, height: 900, maximized: false };
/** So much of the title bar must be on a screen that one can take hold of it. */
const graspable = 100;

/**
 * Where the window stood last time; the size it is designed for when that can't be told. A place on a screen that is not there any more
 * is forgotten.
 * @param screens work areas of the screens that are there
 */
export function loadWindowState(folder: string, screens: readonly Area[]): WindowState {
  let state: WindowState;
  try {
    state = stateSchema.parse(JSON.parse(readFileSync(join(folder, 'window.json'), 'utf8')));
  } catch {
    // First start, or a file from another version: nothing is lost by the designed size.
    return designed;
  }
  const { x, y, ...size } = state;
  if (x === undefined || y === undefined) return size;
  const seen = screens.some(
    (screen) =>
      x + size.width >= screen.x + graspable &&
      x <= screen.x + screen.width - graspable &&
      y >= screen.y &&
      y <= screen.y + screen.height - graspable,
  );
  return seen ? state : size;
}

export function saveWindowState(folder: string, state: WindowState): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'window.json'), JSON.stringify(state));
}
