import { useState } from 'react';
import { Button, Dialog } from '../../parts/controls.tsx';
import { count, listNames } from '../../parts/format.ts';
import { currentClient, type ShownError } from '../../state/connection.ts';
import { useNavigation } from '../../state/navigation.ts';
import { resetHost, runAgain } from '../../state/testbeds.ts';
import { testIds } from '../../test-ids.ts';
import type { OfferedKey } from './failure-remedy.ts';

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
        {keys.length === 1 ? `Accept the key of ${hosts}…` : `Accept ${count(keys.length, 'key')}…`}
      </Button>
      <Button large onClick={() => go('testbeds', testbed)} onError={onError}>
        Compare host keys
      </Button>
      {asking ? (
        <Dialog
          title={changed ? `Take the new ${keys.length === 1 ? 'key' : 'keys'} of ${hosts}?` : `Trust ${hosts}?`}
          confirm={changed ? 'Re-imaged: accept and go on' : 'Accept and go on'}
          danger={changed}
          onClose={() => setAsking(false)}
          onConfirm={accept}
        >
          <p>
            {changed
              ? 'A key that changed means that the host was installed anew, or that somebody is in between. Compare it with what the console of the host says.'
              : 'Compare with what the console of the host says (ssh-keygen -lf /etc/ssh/ssh_host_…_key.pub).'}
          </p>
          {keys.map(({ host, algorithm, fingerprint, was }) => (
            <div key={host} className="host-key">
              <span className="label">{host}</span> <span className="muted">{algorithm}</span>
              <div className="prints">
                {was === undefined ? null : (
                  <>
                    <span className="muted">was</span>
                    <span className="mono secondary">{was}</span>
                  </>
                )}
                <span className="muted">is</span>
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
        Take the hosts over…
      </Button>
      {asking ? (
        <Dialog
          title="Take the hosts over?"
          confirm="Take them over"
          danger
          onClose={() => setAsking(false)}
          onConfirm={() => runAgain(testbed, run, true)}
        >
          <ul>
            {holders.map((holder) => (
              <li key={holder}>{holder}</li>
            ))}
          </ul>
          <p>That run fails at its next step. Do this when its computer is gone, or whoever started it agrees.</p>
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
        Reset {host}…
      </Button>
      {asking ? (
        <Dialog
          title={`Reset ${host}?`}
          confirm={`Reset ${host}`}
          danger
          onClose={() => setAsking(false)}
          onConfirm={() => resetHost(testbed, host)}
        >
          <p>
            Everything that was installed on {host} by this app is removed, with the pods and data of Kubernetes on it. The other
            hosts stay as they are. “Set up again” then begins on it from nothing.
          </p>
        </Dialog>
      ) : null}
    </>
  );
}
