import { useCallback, useEffect, useState } from 'react';
import type { OutputOf } from '../../../main/contract/contract.ts';
import { Button, ErrorNote, IconButton } from '../../parts/controls.tsx';
import { currentClient, type ShownError, shownError } from '../../state/connection.ts';
import { forwardTo, openForward, targetName, useForwards } from '../../state/forwards.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.terminals;

type Found = OutputOf<'forwards.list'>;

/** What listens on hosts and in clusters; one click opens it in the browser, over SSH and a port of this computer's loopback. */
export function ServicesPanel({ testbed, onClose }: { testbed: string; onClose: () => void }) {
  const open = useForwards((state) => state.open);
  const [found, setFound] = useState<Found | null>(null);
  const [error, setError] = useState<ShownError | null>(null);
  const look = useCallback(async () => {
    setError(null);
    setFound(await currentClient().call('forwards.list', { testbed }));
  }, [testbed]);
  useEffect(() => {
    setFound(null);
    look().catch((reason: unknown) => setError(shownError(reason)));
  }, [look]);
  return (
    <section className="services" aria-label={words.services} data-testid={testIds.services}>
      <header>
        <h2>{words.services}</h2>
        <span className="secondary ellipsis">
          {found ? words.foundOn(texts.counts.port(found.listeners.length), testbed) : error ? '' : words.askingTheHosts}
        </span>
        <span className="spacer" />
        <Button kind="ghost" icon="refresh" onClick={look} onError={setError}>
          {words.lookAgain}
        </Button>
        <IconButton icon="x" label={words.closeTheServices} onClick={onClose} />
      </header>
      <ErrorNote error={error} />
      {found?.problems.map((problem) => (
        <ErrorNote key={problem} error={{ message: problem }} />
      ))}
      <ul>
        {found?.listeners.map(({ target, about }) => {
          const name = targetName(target);
          const forward = forwardTo(open, testbed, target);
          const openIt = async () => {
            setError(null);
            const { url } = await openForward(testbed, target, about, setError);
            window.open(url, '_blank', 'noopener,noreferrer');
          };
          return (
            <li key={name}>
              <span className="mono ellipsis">{name}</span>
              <span className="muted ellipsis">{about}</span>
              <span className="spacer" />
              {forward ? (
                <>
                  <a className="mono" href={forward.url} target="_blank" rel="noreferrer" data-testid={testIds.forwardLink}>
                    {new URL(forward.url).host}
                  </a>
                  <Button kind="ghost" onClick={() => forward.close()} aria-label={words.stopForwarding(name)}>
                    {words.stop}
                  </Button>
                </>
              ) : (
                <Button
                  data-testid={testIds.forward(name)}
                  aria-label={words.openInTheBrowser(name)}
                  onClick={openIt}
                  onError={setError}
                >
                  {words.openInBrowser}
                </Button>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
