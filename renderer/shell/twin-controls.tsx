import { useState } from 'react';
import type { InputOf } from '../../main/contract/contract.ts';
import { IconButton, Select } from '../parts/controls.tsx';
import { formatNumber } from '../parts/format.ts';
import { State } from '../parts/glyphs.tsx';
import { currentClient, type ShownError, shownError } from '../state/connection.ts';
import { useTwinClock } from '../state/twin-clock.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';

const words = texts.shell;

const speeds = [1, 2, 5, 10, 60, 300, 1000];
/** Below this share of the wanted speed it is said that the computer is too slow. */
const keptUp = 0.9;

/** How fast the twin's time goes, and whether it does. Nothing for hosts: theirs cannot be stopped. */
export function TwinControls() {
  const { testbed, clock } = useTwinClock();
  const [error, setError] = useState<ShownError | null>(null);
  if (!testbed || !clock) return null;
  const control = (control: InputOf<'twins.control'>['control']) => {
    setError(null);
    currentClient()
      .call('twins.control', { testbed, control })
      .then(
        (next) => useTwinClock.setState({ clock: next, heardAt: Date.now() }),
        (reason: unknown) => setError(shownError(reason)),
      );
  };
  const isSlow = !clock.paused && clock.reached > 0 && clock.reached < clock.speed * keptUp;
  const choices = [...new Set([...speeds, clock.speed])].sort((a, b) => a - b);
  return (
    <fieldset className="twin-controls" aria-label={words.timeOfTheTwin}>
      <IconButton
        icon={clock.paused ? 'play' : 'pause'}
        label={clock.paused ? words.letTheTwin : words.pauseTheTwin}
        data-testid={testIds.twinPause}
        onClick={() => control({ kind: clock.paused ? 'resume' : 'pause' })}
      />
      <Select
        label={words.speedOfThe}
        value={String(clock.speed)}
        prefix={<span className="muted">{words.twin}</span>}
        options={choices.map((speed) => ({ value: String(speed), label: `${speed} ×` }))}
        onChange={(speed) => control({ kind: 'speed', speed: Number(speed) })}
      />
      {error ? (
        <span role="alert" title={error.remedy ?? error.message} className="row gap-4 bad-text caption">
          <State name="bad" size={12} />
          {error.message}
        </span>
      ) : clock.paused ? (
        <span className="caption accent-text">{words.paused}</span>
      ) : isSlow ? (
        <span className="row gap-4 caption warn-text" title={words.thisComputer(formatNumber(clock.reached, 1))}>
          <State name="warn" size={12} />
          {formatNumber(clock.reached, 1)} ×
        </span>
      ) : null}
    </fieldset>
  );
}
