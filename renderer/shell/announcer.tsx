import { useEffect, useRef, useState } from 'react';
import { stateWords, useCurrentTestbed } from '../state/testbeds.ts';
import { testbedNow } from '../state/twin-clock.ts';
import { isAct } from '../state/types.ts';
import { useWorld } from '../state/world.ts';

/** Tells a screen reader, politely, each act and each change of the testbed's state. */
export function Announcer() {
  const [text, setText] = useState('');
  const testbed = useCurrentTestbed();
  const act = useWorld((world) => (world.decisionsLoaded ? world.decisions.find(isAct) : undefined));
  const state = testbed ? `${testbed.name}: ${stateWords[testbed.state]}` : '';
  const told = useRef({ act: act?.id, state });
  useEffect(() => {
    if (act && act.id !== told.current.act && testbedNow() - act.time < 60_000) setText(act.sentence);
    told.current.act = act?.id;
  }, [act]);
  useEffect(() => {
    if (told.current.state !== '' && state !== told.current.state) setText(state);
    told.current.state = state;
  }, [state]);
  return (
    <div className="visually-hidden" aria-live="polite">
      {text}
    </div>
  );
}
