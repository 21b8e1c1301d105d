import { useState } from 'react';
import { Button, Dialog } from '../../parts/controls.tsx';
import { listNames } from '../../parts/format.ts';
import { currentClient, type ShownError } from '../../state/connection.ts';
import { useNavigation } from '../../state/navigation.ts';
import { resetHost, runAgain } from '../../state/testbeds.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import type { OfferedKey } from './failure-remedy.ts';

const words = texts.run;

interface RemedyProps {
  testbed: string;
  run: string;
  disabled: boolean;
  onError: (error: ShownError) => void;
}

/** Shows each key that is not trusted beside the one before; those that are accepted here are trusted, and the run goes on. */
export function AcceptKeys({ testbed, run, disabled, onError, keys }: RemedyProps & { keys: readonly OfferedKey[] }) {
  const go = useNavigation((state) => state.go);
  const [asking, setAsking] = useState(false);
  const changed = keys.some(({ was }) => was !== undefined);
  const hosts = listNames(keys.map(({ host }) => host));
  const accept = async () => {
    // One after the other: each is compared with what the host shows now.
    for (const { host, fingerprint } of keys) await currentClient().call('testbeds.trust', { testbed, host, fingerprint });
    await runAgain(testbed, run);
  };
  return (
    <>
      <Button
        kind="primary"
        large
        icon="key"
        disabled={disabled}
        data-testid={testIds.failureTrust}
        onClick={() => setAsking(true)}
      >
        {keys.length === 1 ? words.acceptTheKey(hosts) : words.accept(texts.counts.key(keys.length))}
      </Button>
      <Button large onClick={() => go('testbeds', testbed)} onError={onError}>
        {words.compareHost}
      </Button>
      {asking ? (
        <Dialog
          title={changed ? words.takeTheNew(keys.length === 1 ? words.key : words.keys, hosts) : words.trust(hosts)}
          confirm={changed ? words.reImagedAccept : words.acceptAndGo}
          danger={changed}
          onClose={() => setAsking(false)}
          onConfirm={accept}
        >
          <p>{changed ? words.aKeyThatChanged : words.compareWith}</p>
          {keys.map(({ host, algorithm, fingerprint, was }) => (
            <div key={host} className="host-key">
              <span className="label">{host}</span> <span className="muted">{algorithm}</span>
              <div className="prints">
                {was === undefined ? null : (
                  <>
                    <span className="muted">{words.was}</span>
                    <span className="mono secondary">{was}</span>
                  </>
                )}
                <span className="muted">{words.is}</span>
                <span className="mono label">{fingerprint}</span>
              </div>
            </div>
          ))}
        </Dialog>
      ) : null}
    </>
  );
}

/** The hosts are taken from whoever has them, whose next step then fails. */
export function TakeOver({ testbed, run, disabled, holders }: RemedyProps & { holders: readonly string[] }) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button
        kind="primary"
        large
        icon="arrow"
        disabled={disabled}
        data-testid={testIds.failureTakeOver}
        onClick={() => setAsking(true)}
      >
        {words.takeTheHosts}
      </Button>
      {asking ? (
        <Dialog
          title={words.takeTheHostsOver}
          confirm={words.takeThemOver}
          danger
          onClose={() => setAsking(false)}
          onConfirm={() => runAgain(testbed, run, true)}
        >
          <ul className="holders">
            {holders.map((holder) => (
              <li key={holder}>{holder}</li>
            ))}
          </ul>
          <p>{words.thatRunFails}</p>
        </Dialog>
      ) : null}
    </>
  );
}

/** Whatever the state of the others, one host is left as it was found; then the run can be tried again. */
export function ResetHost({ testbed, disabled, host }: RemedyProps & { host: string }) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button large kind="danger" disabled={disabled} data-testid={testIds.failureReset} onClick={() => setAsking(true)}>
        {words.reset(host)}
      </Button>
      {asking ? (
        <Dialog
          title={words.reset2(host)}
          confirm={words.reset3(host)}
          danger
          onClose={() => setAsking(false)}
          onConfirm={() => resetHost(testbed, host)}
        >
          <p>{words.everythingThat(host)}</p>
        </Dialog>
      ) : null}
    </>
  );
}
