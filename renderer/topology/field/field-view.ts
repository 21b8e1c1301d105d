import type { Box } from '../layout.ts';

/** What of the world is seen: screen = world × scale + (x, y), in CSS pixels. */
export interface View {
  x: number;
  y: number;
  scale: number;
}

const margin = 16;
/** Room for what floats at the bottom: legend and zoom. */
const bottom = 58;
/** Below any use; keeps a window that is still being opened from turning the world around. */
const smallestScale = 0.001;
export const largestScale = 8;

/** All of it, centred. */
export function fitView(world: { width: number; height: number }, screen: { width: number; height: number }): View {
  const scale = Math.max(
    smallestScale,
    Math.min(
      1.5,
      (screen.width - 2 * margin) / Math.max(1, world.width),
      (screen.height - margin - bottom) / Math.max(1, world.height),
    ),
  );
  return {
    scale,
    x: (screen.width - world.width * scale) / 2,
    y: Math.max(margin, (screen.height - bottom - world.height * scale) / 2),
  };
}

/** Another scale, with the point of the world under (x, y) where it is. */
export function zoomAt(view: View, factor: number, x: number, y: number, least: number): View {
  const scale = Math.min(largestScale, Math.max(least, view.scale * factor));
  return { scale, x: x - ((x - view.x) / view.scale) * scale, y: y - ((y - view.y) / view.scale) * scale };
}

/** Moved so far that a part of the world lies well inside the screen; unmoved when it does already. */
export function reveal(view: View, box: Box, screen: { width: number; height: number }): View {
  const along = (start: number, size: number, offset: number, room: number) => {
    const from = start * view.scale + offset;
    const to = from + size * view.scale;
    if (from >= margin && to <= room - margin) return offset;
    return room / 2 - (start + size / 2) * view.scale;
  };
  return {
    scale: view.scale,
    x: along(box.x, box.width, view.x, screen.width),
    y: along(box.y, box.height, view.y, screen.height),
  };
}
