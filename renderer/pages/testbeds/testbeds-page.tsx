import { useState } from 'react';
import { Badge, Button, DoublesBadge } from '../../parts/controls.tsx';
import { formatAge, listNames } from '../../parts/format.ts';
import { State, type StateName } from '../../parts/glyphs.tsx';
import { useNavigation } from '../../state/navigation.ts';
import { chooseRecording } from '../../state/recordings.ts';
import { kindOf, stateOf, useCurrentTestbed, useTestbeds } from '../../state/testbeds.ts';
import type { TestbedSummary } from '../../state/types.ts';
import { useNow } from '../../state/visible.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { Choices } from './choices.tsx';
import { Signs } from './signs.tsx';
import { TestbedDetail } from './testbed-detail.tsx';

const words = texts.testbeds;

const stateGlyphs: Record<TestbedSummary['state'], StateName> = {
  new: 'wait',
  provisioning: 'run',
  up: 'ok',
  failed: 'bad',
  down: 'none',
};

/** How things are, in one sentence. */
export function testbedsSentence(list: readonly TestbedSummary[]): string {
  const named = (state: TestbedSummary['state']) =>
    list.filter((testbed) => testbed.state === state && !testbed.recording).map(({ name }) => name);
  const parts: string[] = [];
  const say = (names: string[], one: string, many: string) => {
    if (names.length > 0) parts.push(`${listNames(names)} ${names.length === 1 ? one : many}`);
  };
  say(named('failed'), words.stoppedWith, words.stoppedWithFailures);
  say(named('provisioning'), words.isBeingSet, words.areBeingSet);
  say(named('up'), words.isUp, words.areUp);
  say(named('new'), words.isNotSetUp, words.areNotSetUp);
  say(named('down'), words.isDown, words.areDown);
  const recordings = list.filter(({ recording }) => recording).length;
  if (recordings > 0) parts.push(texts.counts.recording(recordings));
  return `${parts.join('; ')}.`;
}

export function TestbedsPage() {
  const list = useTestbeds((state) => state.list);
  const current = useCurrentTestbed();
  const go = useNavigation((state) => state.go);
  const now = useNow(10_000);
  const [adding, setAdding] = useState(false);
  if (list === null) return <main className="page" />;
  if (list.length === 0) {
    return (
      <main className="page scrolls testbeds-page">
        <div>
          <h1 className="first" data-testid={testIds.sentence}>
            {words.whereShould}
          </h1>
          <p className="body secondary">{words.allThreeUse}</p>
        </div>
        <Choices />
        <p className="body secondary">
          {words.somebodySent}{' '}
          <button type="button" className="link" data-testid={testIds.openRecording} onClick={chooseRecording}>
            {words.openARecording}
          </button>{' '}
          {words.andLookAtIt}
        </p>
        <Signs />
      </main>
    );
  }
  return (
    <main className="page scrolls testbeds-page">
      <div className="row">
        <h1 className="sentence" data-testid={testIds.sentence}>
          {testbedsSentence(list)}
        </h1>
        <span className="spacer" />
        <Button icon="file" data-testid={testIds.openRecording} onClick={chooseRecording}>
          {words.openRecording}
        </Button>
        <Button icon={adding ? 'x' : 'plus'} data-testid={testIds.newTestbed} onClick={() => setAdding(!adding)}>
          {adding ? words.close : words.newTestbed}
        </Button>
      </div>
      {adding ? <Choices onDone={() => setAdding(false)} /> : null}
      <section className="card" aria-label={words.testbeds}>
        <table className="roomy">
          <thead>
            <tr>
              <th>{words.name}</th>
              <th>{words.kind}</th>
              <th>{words.hosts}</th>
              <th>{words.state}</th>
              <th>{words.made2}</th>
            </tr>
          </thead>
          <tbody>
            {list.map((testbed) => (
              <tr
                key={testbed.name}
                className="selectable"
                aria-selected={testbed.name === current?.name}
                data-testid={testIds.testbedRow(testbed.name)}
                onClick={() => go('testbeds', testbed.name)}
              >
                <td>
                  <button type="button" className="link text" onClick={() => go('testbeds', testbed.name)}>
                    {testbed.name}
                  </button>
                </td>
                <td>
                  <span className="row">
                    <Badge kind={testbed.recording ? 'accent' : ''}>{kindOf(testbed)}</Badge>
                    <DoublesBadge doubles={testbed.doubles} />
                  </span>
                </td>
                <td className="secondary">{testbed.hosts.length > 0 ? texts.counts.host(testbed.hosts.length) : '–'}</td>
                <td>
                  <span
                    className={`row gap-6 ${testbed.state === 'failed' ? 'bad-text label' : ''}`}
                    data-testid={testIds.testbedState(testbed.name)}
                    data-state={testbed.state}
                  >
                    <State name={testbed.recording ? 'none' : stateGlyphs[testbed.state]} />
                    {stateOf(testbed)}
                  </span>
                </td>
                <td className="secondary">
                  {now - testbed.createdAt < 60_000 ? words.justNow : formatAge(now - testbed.createdAt)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {current ? <TestbedDetail key={current.name} testbed={current} /> : null}
    </main>
  );
}
