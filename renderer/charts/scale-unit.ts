/** One unit for a whole chart, so that its axis and its legend agree. */
export interface ChartUnit {
  unit: string;
  factor: number;
  /** Digits after the point in the legend. */
  digits: number;
}

export function chartUnit(unit: string, highest: number): ChartUnit {
  switch (unit) {
    case 'ratio':
      return { unit: '%', factor: 100, digits: 0 };
    case 'bytes':
      return highest >= 2 ** 30 ? { unit: 'GiB', factor: 2 ** -30, digits: 2 } : { unit: 'MiB', factor: 2 ** -20, digits: 0 };
    case 'bytes/s':
      return highest * 8 >= 1e6 ? { unit: 'Mbit/s', factor: 8e-6, digits: 1 } : { unit: 'kbit/s', factor: 8e-3, digits: 0 };
    case 'people':
      return { unit: 'people', factor: 1, digits: 0 };
    case 'ms':
      return { unit: 'ms', factor: 1, digits: 0 };
    case 'cores':
      return { unit: 'cores', factor: 1, digits: 2 };
    default:
      // What counts has no half of one.
      return { unit, factor: 1, digits: unit === '' && Number.isInteger(highest) ? 0 : 1 };
  }
}

/** A round upper end so that three to five grid lines are round numbers: 1, 2, 2.5 or 5 times a power of ten, four or five steps high. */
export function roundTop(highest: number): number {
  if (!(highest > 0)) return 1;
  const raw = highest / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= raw) ?? raw;
  return step * Math.ceil(highest / step - 1e-9);
}
