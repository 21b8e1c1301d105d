import { useEffect, useRef, useState } from 'react';
import type { OutputOf } from '../../../main/contract/contract.ts';
import { Button, ErrorNote } from '../../parts/controls.tsx';
import { currentClient, type ShownError, shownError } from '../../state/connection.ts';
import { useNavigation } from '../../state/navigation.ts';
import { startTwin, useTestbeds } from '../../state/testbeds.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.twins;

/** Twins that are described by a file: those that come with the app, and one's own. What is wrong with a file is said here, in the core's words. */
export function TwinsForm({ onDone }: { onDone: () => void }) {
  const [samples, setSamples] = useState<OutputOf<'testbeds.samples'>>([]);
  const [error, setError] = useState<ShownError | null>(null);
  const go = useNavigation((state) => state.go);
  const list = useTestbeds((state) => state.list);
  const isUp = (name: string) => list?.some((one) => one.name === name && one.kind === 'twin' && one.state === 'up') ?? false;
  const picker = useRef<HTMLInputElement>(null);
  useEffect(() => {
    currentClient()
      .call('testbeds.samples', {})
      .then(setSamples, (reason: unknown) => setError(shownError(reason)));
  }, []);
  const start = async (of: { name: string; file: string; fileName: string }) => {
    setError(null);
    await startTwin(of);
    onDone();
  };
  return (
    <section className="card" aria-label={words.title}>
      <header className="tall">
        <h2>{words.title}</h2>
        <span className="muted ellipsis">{words.help}</span>
        <span className="spacer" />
        <Button icon="file" onClick={() => picker.current?.click()}>
          {words.open}
        </Button>
        <input
          ref={picker}
          type="file"
          hidden
          accept=".yaml,.yml"
          onChange={async (event) => {
            const chosen = event.target.files?.[0];
            event.target.value = '';
            if (!chosen) return;
            const stem = chosen.name.replace(/\.ya?ml$/, '').toLowerCase();
            const name = stem.replaceAll(/[^a-z0-9-]+/g, '-').replaceAll(/^-+|-+$/g, '') || 'twin';
            try {
              await start({ name, file: await chosen.text(), fileName: chosen.name });
            } catch (reason) {
              setError(shownError(reason));
            }
          }}
        />
      </header>
      {error ? (
        <div className="inset">
          <ErrorNote error={error} />
        </div>
      ) : null}
      <table className="roomy wraps">
        <tbody>
          {samples.map((sample) => (
            <tr key={sample.fileName}>
              <td className="label">{sample.name}</td>
              <td>{sample.summary}</td>
              <td className="secondary nowrap">{words.size(sample.nodes, sample.clusters)}</td>
              <td className="number nowrap">
                {isUp(sample.name) ? (
                  <Button kind="ghost" aria-label={words.showNamed(sample.name)} onClick={() => go('topology', sample.name)}>
                    {words.show}
                  </Button>
                ) : null}
                <Button
                  aria-label={words.startNamed(sample.name)}
                  data-testid={testIds.twinSample(sample.name)}
                  onError={setError}
                  onClick={() => start(sample)}
                >
                  {isUp(sample.name) ? words.startAnother : words.start}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
