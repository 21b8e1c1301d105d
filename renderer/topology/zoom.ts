/** As small as a testbed of a thousand nodes needs, as large as is still sharp. */
export const leastScale = 0.2;
export const mostScale = 2;

export const clampScale = (scale: number): number => Math.min(mostScale, Math.max(leastScale, scale));

/** A turn of the wheel (px) as a factor; both ways the same amount. */
export const wheelFactor = (deltaY: number): number => 2 ** (-Math.max(-120, Math.min(120, deltaY)) / 240);

/**
 * Where to scroll to after the scale has changed, so that the point under the pointer stays there.
 * @param scroll offset of the view along one axis, px
 * @param pointer place of the pointer in the view along it, px
 */
export const scrollAfterZoom = (scroll: number, pointer: number, before: number, after: number): number =>
  Math.max(0, ((scroll + pointer) / before) * after - pointer);

/** The scale at which all of a drawing is seen; never larger than it is. */
export const fitScale = (drawing: { width: number; height: number }, view: { width: number; height: number }): number =>
  clampScale(Math.min(1, view.width / Math.max(1, drawing.width), view.height / Math.max(1, drawing.height)));

/** The size that the drawing was made for, CSS px. */
const designed = { width: 1560, height: 840 };
const largestBase = 1.6;

/** How much larger than designed everything is drawn on a large window, so that it fills it and is read from afar. */
export const baseScale = (view: { width: number; height: number }): number =>
  Math.min(largestBase, Math.max(1, Math.min(view.width / designed.width, view.height / designed.height)));
