import { useEffect, useState } from 'react';
import { Dialog } from '../parts/controls.tsx';
import { formatClock, formatDuration } from '../parts/format.ts';
import { State } from '../parts/glyphs.tsx';
import { saveFile } from '../parts/save-file.ts';
import { useShownTime } from '../state/moment.ts';
import { chooseRecording, fetchRecording, openRecording, recordingEnding, useRecordings } from '../state/recordings.ts';
import { useCurrentTestbed } from '../state/testbeds.ts';
import { useWorld } from '../state/world.ts';
import { testIds } from '../test-ids.ts';

/** Saving a window of a session to a file, and opening such a file: asked for from the palette, the time bar and the File menu. */
export function RecordingDialogs() {
  const { asking, opening, error } = useRecordings();
  const testbed = useCurrentTestbed();
  useDroppedRecordings();
  return (
    <>
      {asking && testbed ? <SaveDialog testbed={testbed.name} /> : null}
      {opening ? (
        <div className="toast" role="status">
          <State name="run" />
          <div>
            <div className="label">Opening {opening.name}</div>
            <div className="caption secondary">
              {opening.share < 1 ? `${Math.round(opening.share * 100)} % read` : 'Checking it'}
            </div>
          </div>
        </div>
      ) : null}
      {error ? (
        <Dialog
          title="The recording could not be opened"
          confirm="Choose another file"
          onClose={() => useRecordings.setState({ error: null })}
          onConfirm={async () => chooseRecording()}
        >
          <p data-testid={testIds.formError}>{error.message}</p>
          {error.remedy ? <p className="secondary">{error.remedy}</p> : null}
        </Dialog>
      ) : null}
    </>
  );
}

function SaveDialog({ testbed }: { testbed: string }) {
  const shown = useShownTime();
  const span = useWorld((state) => state.span);
  const last15 = { from: Math.max(span?.from ?? 0, shown.end - 15 * 60_000), to: shown.end };
  const choices = [
    { id: 'shown', label: 'What the time line shows', from: shown.from, to: shown.to },
    { id: 'quarter', label: 'The last 15 minutes', ...last15 },
    { id: 'all', label: 'Everything that is kept', from: Math.min(span?.from ?? shown.from, shown.from), to: shown.end },
  ];
  const [chosen, setChosen] = useState('shown');
  const window = choices.find(({ id }) => id === chosen) ?? { from: shown.from, to: shown.to };
  const close = () => useRecordings.setState({ asking: false });
  return (
    <Dialog
      title="Which part of the session shall be saved?"
      confirm="Save recording"
      onClose={close}
      onConfirm={async () => {
        const { file } = await fetchRecording(testbed, window.from, window.to);
        const day = new Date(window.from).toISOString().slice(0, 16).replaceAll(/[-:]/g, '').replace('T', '-');
        saveFile(`${testbed}-${day}${recordingEnding}`, file);
      }}
    >
      <p className="secondary">
        One file with the topology, all readings and every decision of that time. Whoever opens it needs no testbed. Names and
        addresses of hosts are in it; users, keys and passwords are not.
      </p>
      <fieldset className="options">
        <legend className="caption muted">Window of time</legend>
        {choices.map(({ id, label, from, to }) => (
          <label key={id} className="option">
            <input type="radio" name="window" checked={chosen === id} onChange={() => setChosen(id)} />
            <span className="label">{label}</span>
            <span className="spacer" />
            <span className="secondary">
              {formatClock(from)} to {formatClock(to)}, {formatDuration(to - from)}
            </span>
          </label>
        ))}
      </fieldset>
    </Dialog>
  );
}

/** A recording that is dropped on the window is opened; anything else is left alone. */
function useDroppedRecordings(): void {
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      const file = [...(event.dataTransfer?.files ?? [])].find(({ name }) => name.endsWith(recordingEnding));
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      if (file) void openRecording(file);
    };
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
    };
  }, []);
}
