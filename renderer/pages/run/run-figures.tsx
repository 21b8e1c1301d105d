import { formatDuration, formatQuantity, unknown } from '../../parts/format.ts';
import { State } from '../../parts/glyphs.tsx';
import { type RunPicture, runProgress } from '../../state/run.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.run;

interface RunFiguresProps {
  picture: RunPicture;
  now: number;
  interrupted: boolean;
  /** Nothing is sent to simulated hosts, and no command runs on them. */
  twin: boolean;
}

/** Progress, elapsed, our overhead, sent. What only the end can tell says so. */
export function RunFigures({ picture, now, interrupted, twin }: RunFiguresProps) {
  const progress = runProgress(picture);
  const { finished, steps } = picture;
  const share = (part: number) => ({ width: `${progress.total > 0 ? (100 * part) / progress.total : 0}%` });
  const percent = progress.total > 0 ? Math.floor((100 * progress.settled) / progress.total) : 0;
  const end = finished?.time ?? (interrupted ? picture.lastTime : now);
  const elapsed = picture.startedAt === null || end === null ? null : (finished?.wallMs ?? end - picture.startedAt);
  const changed = finished?.changed ?? steps.changed;
  const inPlace = finished?.inPlace ?? steps.inPlace;
  const soon = finished ? unknown : words.toldWhenThe;
  return (
    <section className="card cells run-cells" aria-label={words.progress} data-testid={testIds.runProgress}>
      <div>
        <div className="row body strong">
          <span>{words.ofPhasesOn(progress.settled, progress.total)}</span>
          <span className="spacer" />
          <span>{percent} %</span>
        </div>
        <div
          className="progress"
          role="progressbar"
          aria-valuenow={percent}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-label={words.progress}
        >
          {(['changed', 'inPlace', 'running', 'failed'] as const).map((how) =>
            progress[how] > 0 ? (
              <i key={how} className={how === 'inPlace' ? 'in-place' : how} style={share(progress[how])} />
            ) : null,
          )}
        </div>
        <div className="row gap-14 caption secondary">
          {twin ? null : (
            <>
              <span className="row gap-4">
                <State name="ok" size={12} />
                {words.changed(changed)}
              </span>
              <span className="row gap-4">
                <State name="same" size={12} />
                {words.inPlace2(inPlace)}
              </span>
            </>
          )}
          {progress.running > 0 && !finished ? (
            <span className="row gap-4">
              <State name="run" size={12} />
              {words.running2(progress.running)}
            </span>
          ) : null}
          {progress.failed > 0 ? (
            <span className="row gap-4">
              <State name="bad" size={12} />
              {words.failed2(progress.failed)}
            </span>
          ) : null}
        </div>
      </div>
      <Figure
        title={words.elapsed}
        value={formatDuration(elapsed)}
        note={finished ? words.ended[finished.state] : interrupted ? words.interruptedThe : ''}
      />
      {twin ? null : (
        <>
          <Figure
            title={words.ourOverhead}
            value={finished ? formatDuration(finished.overheadMs) : unknown}
            note={finished ? words.beyondTheCommands : soon}
          />
          <Figure
            title={words.sentToHosts}
            value={finished ? formatQuantity(finished.sentBytes, 'bytes') : unknown}
            note={finished ? '' : soon}
          />
        </>
      )}
    </section>
  );
}

function Figure({ title, value, note }: { title: string; value: string; note: string }) {
  return (
    <div>
      <div className="caption muted">{title}</div>
      <div className="body strong">{value}</div>
      <div className="caption secondary ellipsis" title={note}>
        {note}
      </div>
    </div>
  );
}
