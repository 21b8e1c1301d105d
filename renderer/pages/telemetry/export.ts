import type { Series } from '../../state/types.ts';

const cell = (value: string): string => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

/** Long form, as data frames read it: one reading a line (RFC 4180); gaps are left out. Times in ISO 8601 UTC. */
export function asCsv(series: readonly Series[], from: number, to: number): string {
  const lines = ['time,metric,unit,node,component,application,source,value'];
  for (const { key, unit, source, times, values } of series) {
    const what = [key.metric, unit, key.node, key.component, key.application, source].map(cell).join(',');
    times.forEach((time, index) => {
      const value = values[index];
      if (value === null || value === undefined || time < from || time > to) return;
      lines.push(`${new Date(time).toISOString()},${what},${value}`);
    });
  }
  return `${lines.join('\r\n')}\r\n`;
}
