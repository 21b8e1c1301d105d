import { formatDuration } from '../../parts/format.ts';
import { LayerShape, State, type StateName } from '../../parts/glyphs.tsx';
import { cellKey, type RunCell, type RunPicture } from '../../state/run.ts';
import type { CellState, TestbedSummary } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { roleLayer } from '../testbeds/testbed-detail.tsx';

const words = texts.run;

const glyphs: Record<CellState, StateName> = {
  waiting: 'wait',
  running: 'run',
  done: 'ok',
  'in-place': 'same',
  warning: 'warn',
  failed: 'bad',
  held: 'held',
  none: 'none',
};
const waiting: RunCell = { state: 'waiting', detail: null, done: null, total: null, durationMs: null, startedAt: null };

/** The word and the second line of a cell: never a colour alone. */
export function cellWords(cell: RunCell, now: number): { word: string; second: string } {
  const steps = cell.total !== null && cell.total > 0 ? `${cell.done ?? 0} of ${cell.total}` : '';
  switch (cell.state) {
    case 'waiting':
      return { word: words.waiting, second: cell.detail ?? '' };
    case 'running': {
      const percent = cell.total ? Math.floor((100 * (cell.done ?? 0)) / cell.total) : null;
      const elapsed = cell.startedAt === null ? words.running : formatDuration(Math.max(100, now - cell.startedAt));
      return { word: percent === null ? elapsed : `${percent} %`, second: cell.detail ?? (steps || 'running') };
    }
    case 'done':
    case 'warning':
      return {
        word: cell.durationMs === null ? words.done : formatDuration(cell.durationMs),
        second: cell.detail ?? (cell.state === 'warning' ? 'warning' : cell.total ? texts.counts.step(cell.total) : ''),
      };
    case 'in-place':
      return { word: words.inPlace, second: cell.detail ?? steps };
    case 'failed':
      return {
        word: words.failed,
        second: cell.detail ?? (cell.total ? words.stepOf(Math.min((cell.done ?? 0) + 1, cell.total), cell.total) : ''),
      };
    case 'held':
      return { word: words.held, second: cell.detail ?? '' };
    case 'none':
      return { word: words.noSteps, second: '' };
  }
}

/** Hosts × phases; arrow keys move between cells, and each cell shows its host's log. */
export function Matrix({
  picture,
  hosts,
  now,
  onHost,
}: {
  picture: RunPicture;
  hosts: TestbedSummary['hosts'];
  now: number;
  onHost: (host: string) => void;
}) {
  const columns = picture.phases.length;
  const move = (event: React.KeyboardEvent<HTMLElement>) => {
    const offsets: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const offset = offsets[event.key];
    if (offset === undefined) return;
    const cells = [...event.currentTarget.querySelectorAll<HTMLElement>('button.cell')];
    const at = cells.indexOf(document.activeElement as HTMLElement);
    cells[at + offset]?.focus();
    event.preventDefault();
  };
  return (
    <section className="card matrix-card" aria-label={words.hostsAndPhases} data-testid={testIds.runMatrix}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move the focus between the buttons inside */}
      <div
        className="matrix"
        style={{ gridTemplateColumns: `minmax(150px, 176px) repeat(${columns}, minmax(78px, 1fr))` }}
        onKeyDown={move}
      >
        <div className="head first">{words.host}</div>
        {picture.phases.map((phase) => (
          <div key={phase.id} className="head" title={phase.title}>
            <span className="ellipsis">{phase.title}</span>
          </div>
        ))}
        {picture.hosts.map((host, row) => {
          const known = hosts.find((candidate) => candidate.name === host);
          const last = row === picture.hosts.length - 1 ? 'last' : '';
          return [
            <div key={host} className={`cell host ${last}`}>
              <span className="line body strong">
                {known ? <LayerShape name={roleLayer[known.role]} size={12} /> : null}
                <span className="ellipsis">{host}</span>
              </span>
              <span className="second">
                {known ? (known.port === 22 ? known.address : `${known.address}:${known.port}`) : ''}
              </span>
            </div>,
            ...picture.phases.map((phase, column) => {
              const cell = picture.cells.get(cellKey(host, phase.id)) ?? waiting;
              const { word, second } = cellWords(cell, now);
              return (
                <button
                  key={`${host}-${phase.id}`}
                  type="button"
                  tabIndex={row === 0 && column === 0 ? 0 : -1}
                  className={`cell ${cell.state} ${last}`}
                  data-testid={testIds.runMatrixCell(host, phase.id)}
                  data-state={cell.state}
                  aria-label={`${host}, ${phase.title}: ${word}${second ? `, ${second}` : ''}`}
                  title={cell.detail ?? undefined}
                  onClick={() => onHost(host)}
                >
                  <span className="line">
                    <State name={glyphs[cell.state]} />
                    {word}
                  </span>
                  {second ? <span className="second">{second}</span> : null}
                  {cell.state === 'running' && cell.total ? (
                    <i className="bar" style={{ width: `${(100 * (cell.done ?? 0)) / cell.total}%` }} />
                  ) : null}
                </button>
              );
            }),
          ];
        })}
      </div>
    </section>
  );
}
