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
import { texts } from '../texts/texts.ts';

const words = texts.shell;

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
            <div className="label">{words.opening(opening.name)}</div>
            <div className="caption secondary">
              {opening.share < 1 ? words.read(Math.round(opening.share * 100)) : words.checkingIt}
            </div>
          </div>
        </div>
      ) : null}
      {error ? (
        <Dialog
          title={words.theRecording}
          confirm={words.chooseAnother}
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
  const shown = useShownTime(1200);
  const span = useWorld((state) => state.span);
  const last15 = { from: Math.max(span?.from ?? 0, shown.end - 15 * 60_000), to: shown.end };
  const choices = [
    { id: 'shown', label: words.whatTheTime, from: shown.from, to: shown.to },
    { id: 'quarter', label: words.theLast15Minutes, ...last15 },
    { id: 'all', label: words.everythingThat, from: Math.min(span?.from ?? shown.from, shown.from), to: shown.end },
  ];
  const [chosen, setChosen] = useState('shown');
  const window = choices.find(({ id }) => id === chosen) ?? { from: shown.from, to: shown.to };
  const close = () => useRecordings.setState({ asking: false });
  return (
    <Dialog
      title={words.whichPartOf}
      confirm={words.saveRecording2}
      onClose={close}
      onConfirm={async () => {
        const { file } = await fetchRecording(testbed, window.from, window.to);
        const day = new Date(window.from).toISOString().slice(0, 16).replaceAll(/[-:]/g, '').replace('T', '-');
        saveFile(`${testbed}-${day}${recordingEnding}`, file);
      }}
    >
      <p className="secondary">{words.oneFileWith}</p>
      <fieldset className="options">
        <legend className="caption muted">{words.windowOfTime}</legend>
        {choices.map(({ id, label, from, to }) => (
          <label key={id} className="option">
            <input type="radio" name="window" checked={chosen === id} onChange={() => setChosen(id)} />
            <span className="label">{label}</span>
            <span className="spacer" />
            <span className="secondary">{words.to(formatClock(from), formatClock(to), formatDuration(to - from))}</span>
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
