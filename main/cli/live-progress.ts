import { age, duration } from './output.ts';
import { type CellPicture, cellOf, type RunPicture } from './run-picture.ts';
import { cut, type Style } from './style.ts';

/**
 * Phases × hosts as lines of a terminal, with what each host is doing below. Where the table is too wide, a phase tells how many hosts are
 * through; where there are too few rows, phases that are over are left out.
 */
export function drawProgress(picture: RunPicture, size: { columns: number; rows: number }, now: number, style: Style): string[] {
  const { hosts, phases } = picture;
  const width = Math.max(...phases.map(({ title }) => title.length), 0);
  const wide = width + 2 + hosts.reduce((sum, host) => sum + Math.max(host.length, 5) + 2, 0) + 9 <= size.columns;
  const lines: string[] = [];
  if (wide)
    lines.push(style.quiet(`  ${' '.repeat(width)}  ${hosts.map((host) => host.padEnd(Math.max(host.length, 5))).join('  ')}`));
  for (const phase of phases) {
    const cells = hosts.map((host) => cellOf(picture, phase.id, host));
    const time = phase.durationMs === null ? '' : duration(phase.durationMs).padStart(9);
    const title = phase.state === 'running' ? style.strong(phase.title.padEnd(width)) : phase.title.padEnd(width);
    const middle = wide
      ? hosts.map((host, index) => inColumn(cells[index], Math.max(host.length, 5), style)).join('  ')
      : counted(cells, style);
    lines.push(`${sign(phase.state, style)} ${title}  ${middle}${style.quiet(time)}`);
  }
  const busy = hosts.flatMap((host) => {
    const phase = phases.find(({ id }) => cellOf(picture, id, host)?.state === 'running');
    const cell = phase && cellOf(picture, phase.id, host);
    return cell ? [`  ${cut(`${host}: ${cell.detail || phase.title}, ${age(now - cell.since)}`, size.columns - 3)}`] : [];
  });
  const room = size.rows - 2;
  // What is over has been seen; what goes on is what people wait for.
  if (lines.length > room) return lines.slice(lines.length - room);
  return [...lines, ...busy.slice(0, room - lines.length)];
}

function sign(state: RunPicture['phases'][number]['state'], style: Style): string {
  switch (state) {
    case 'done':
      return style.good('✓');
    case 'failed':
      return style.bad('✗');
    case 'running':
      return style.strong('▸');
    case 'skipped':
      return style.quiet('–');
    case 'waiting':
      return style.quiet('·');
  }
}

function inColumn(cell: CellPicture | undefined, width: number, style: Style): string {
  switch (cell?.state) {
    case 'done':
      return style.good('✓'.padEnd(width));
    case 'in-place':
      return style.quiet('='.padEnd(width));
    case 'warning':
      return style.attention('!'.padEnd(width));
    case 'failed':
      return style.bad('✗'.padEnd(width));
    case 'held':
      return style.quiet('held'.padEnd(width));
    case 'running':
      return style.strong((cell.total === null ? '…' : `${cell.done ?? 0}/${cell.total}`).padEnd(width));
    default:
      return style.quiet('·'.padEnd(width));
  }
}

function counted(cells: (CellPicture | undefined)[], style: Style): string {
  const count = (...states: string[]) => cells.filter((cell) => cell && states.includes(cell.state)).length;
  const of = cells.length - count('none');
  const failed = count('failed');
  const text = `${count('done', 'in-place', 'warning')}/${of}`.padEnd(8);
  return failed === 0 ? text : `${text}${style.bad(`${failed} failed`)} `;
}

/** What the signs mean, once, before the table. */
export const legend = '✓ done  = in place already  ! with a warning  ✗ failed  · not yet';
