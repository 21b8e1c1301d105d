const minute = 60_000;
const steps = [
  1000,
  5000,
  10_000,
  15_000,
  30_000,
  minute,
  2 * minute,
  5 * minute,
  10 * minute,
  15 * minute,
  30 * minute,
  60 * minute,
  120 * minute,
  360 * minute,
];

/** Round moments within [from, to], at most `most` of them, with the step between them in ms. */
export function timeTicks(from: number, to: number, most: number): { step: number; ticks: number[] } {
  const span = Math.max(1, to - from);
  const step = steps.find((candidate) => span / candidate <= most) ?? 1440 * minute;
  const ticks: number[] = [];
  // Steps divide an hour or a day; local time zones differ from UTC by multiples of 15 min.
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) ticks.push(time);
  return { step, ticks };
}

/** Points of a line as an SVG path; a null is a gap. */
export function linePath(points: readonly (readonly [number, number] | null)[]): string {
  let path = '';
  let pen = false;
  for (const point of points) {
    if (!point) {
      pen = false;
      continue;
    }
    path += `${pen ? 'L' : 'M'}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    pen = true;
  }
  return path;
}
