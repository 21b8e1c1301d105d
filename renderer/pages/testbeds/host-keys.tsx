import { useCallback, useEffect, useState } from 'react';
import { Button, ErrorNote } from '../../parts/controls.tsx';
import { State } from '../../parts/glyphs.tsx';
import { currentClient, type ShownError, shownError } from '../../state/connection.ts';
import type { HostKey, TestbedSummary } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.testbeds;

/** Keys that first contact showed, and those that have changed: compared by a person, never accepted silently. */
export function HostKeys({ testbed }: { testbed: TestbedSummary }) {
  const [keys, setKeys] = useState<HostKey[] | null>(null);
  const [error, setError] = useState<ShownError | null>(null);
  const load = useCallback(async () => {
    setError(null);
    setKeys(await currentClient().call('testbeds.hostKeys', { testbed: testbed.name }));
  }, [testbed.name]);
  const restful = testbed.state === 'new' || testbed.state === 'failed';
  useEffect(() => {
    if (restful) load().catch((reason: unknown) => setError(shownError(reason)));
  }, [load, restful]);
  if (!keys && !restful) return null;

  const open = keys?.filter((key) => key.state !== 'known') ?? [];
  const known = (keys?.length ?? 0) - open.length;
  return (
    <section className="card" aria-label={words.hostKeys} data-testid={testIds.hostKeys}>
      <header className="tall">
        <h2>{words.hostKeys}</h2>
        {open.length > 0 ? (
          <>
            <span className="muted">{words.compareWith}</span>
            <span className="mono secondary code">{words.sshKeygenLf}</span>
          </>
        ) : (
          <span className="muted">{keys ? words.allKeysAre : words.askingTheHosts}</span>
        )}
        <span className="spacer" />
        {known > 0 ? (
          <span className="muted">
            {texts.counts.knownKey(known)} {known === 1 ? words.matches : words.match}
          </span>
        ) : null}
        <Button icon="refresh" onClick={load} onError={setError}>
          {words.askAgain}
        </Button>
      </header>
      {error ? (
        <div className="inset">
          <ErrorNote error={error} />
        </div>
      ) : null}
      {open.map((key) => (
        <KeyRow key={key.host} hostKey={key} testbed={testbed.name} onDone={load} onError={setError} />
      ))}
    </section>
  );
}

function KeyRow({
  hostKey,
  testbed,
  onDone,
  onError,
}: {
  hostKey: HostKey;
  testbed: string;
  onDone: () => Promise<void>;
  onError: (error: ShownError) => void;
}) {
  const { host, state, algorithm, fingerprint, was } = hostKey;
  const trust = async () => {
    if (!fingerprint) return;
    await currentClient().call('testbeds.trust', { testbed, host, fingerprint });
    await onDone();
  };
  return (
    <div className={`host-key ${state}`}>
      <div className="row">
        <State name={state === 'new' ? 'info' : 'bad'} size={16} />
        <span className="label">{host}</span>
        <span className={state === 'new' ? 'muted' : 'secondary'}>
          {state === 'new' ? words.newFirstContact(algorithm ?? words.key) : null}
          {state === 'changed' ? words.changedSomeone(algorithm ?? words.key) : null}
          {state === 'unreachable' ? (hostKey.error ?? words.couldNotBe) : null}
        </span>
        <span className="spacer" />
        {state !== 'unreachable' && fingerprint ? (
          <Button icon="key" data-testid={testIds.trust(host)} onClick={trust} onError={onError}>
            {state === 'new' ? words.acceptThis : words.iReImagedThis}
          </Button>
        ) : null}
      </div>
      {fingerprint ? (
        <div className="prints">
          {was ? (
            <>
              <span className="muted">{words.was}</span>
              <span className="mono secondary">{was}</span>
            </>
          ) : null}
          <span className="muted">{words.is}</span>
          <span className="mono label">{fingerprint}</span>
        </div>
      ) : null}
    </div>
  );
}
