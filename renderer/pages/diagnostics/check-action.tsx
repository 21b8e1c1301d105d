import { useState } from 'react';
import type { CheckAction } from '../../../main/contract/system.ts';
import { Button, Dialog } from '../../parts/controls.tsx';
import type { IconName } from '../../parts/glyphs.tsx';
import { currentClient, type ShownError } from '../../state/connection.ts';
import { useNavigation } from '../../state/navigation.ts';
import { openTerminal } from '../../state/terminals.ts';
import { setUp } from '../../state/testbeds.ts';
import { testIds } from '../../test-ids.ts';

interface CheckActionProps {
  action: CheckAction;
  /** null for what is of the app itself. */
  testbed: string | null;
  /** After something was changed. */
  onDone: () => Promise<void>;
  onError: (error: ShownError) => void;
}

/** The remedy of a check as a button: what is not easily taken back is confirmed, and a command is typed into a shell, for the person to run. */
export function CheckActionButton({ action, testbed, onDone, onError }: CheckActionProps) {
  const [asking, setAsking] = useState(false);
  const name = testbed ?? '';
  const go = useNavigation((state) => state.go);
  const renew = async () => {
    await currentClient().call('testbeds.operate', { testbed: name, operation: { kind: 'rotate-certificates' } });
    go('run', name);
  };
  const button = (icon: IconName, text: string, onClick: () => unknown) => (
    <Button icon={icon} data-testid={testIds.checkAction(action.kind)} onClick={onClick} onError={onError}>
      {text}
    </Button>
  );
  switch (action.kind) {
    case 'set-up':
      return button('play', 'Set up', () => setUp(name));
    case 'make-private':
      return button('lock', 'Make it private', async () => {
        await currentClient().call('system.makePrivate', {});
        await onDone();
      });
    case 'show-testbeds':
      return button('testbeds', 'Show testbeds', () => go('testbeds'));
    case 'forget-passwords':
      return (
        <>
          {button('key', 'Forget kept passwords…', () => setAsking(true))}
          {asking ? (
            <Dialog
              title="Forget all kept passwords?"
              confirm="Forget them"
              danger
              onClose={() => setAsking(false)}
              onConfirm={async () => {
                await currentClient().call('secrets.reset', {});
                await onDone();
              }}
            >
              <p>Those of all testbeds, and the passphrase that guards them if there is one. Hosts ask for theirs again.</p>
            </Dialog>
          ) : null}
        </>
      );
    case 'shell':
    case 'kubectl':
      return button('terminals', wordsOf(action), () => {
        const { command } = action;
        if (action.kind === 'shell') openTerminal(testbed, action.host, { typed: command });
        else openTerminal(testbed, 'local', { cluster: action.cluster, typed: command });
        go('terminals');
      });
    case 'renew-certificates':
      return (
        <>
          {button('refresh', 'Renew certificates…', () => setAsking(true))}
          {asking ? (
            <Dialog
              title={`Renew the certificates of ${name}?`}
              confirm="Renew them"
              onClose={() => setAsking(false)}
              onConfirm={renew}
            >
              <p>Each control plane is restarted with new certificates, one after the other. Applications go on meanwhile.</p>
            </Dialog>
          ) : null}
        </>
      );
  }
}

const wordsOf = (action: Extract<CheckAction, { kind: 'shell' | 'kubectl' }>): string =>
  action.kind === 'kubectl'
    ? `kubectl ${action.cluster}`
    : action.host === 'local'
      ? 'Shell on this computer'
      : `Shell on ${action.host}`;
