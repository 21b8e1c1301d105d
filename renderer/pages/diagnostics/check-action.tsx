import { useState } from 'react';
import type { CheckAction } from '../../../main/contract/system.ts';
import { Button, Dialog } from '../../parts/controls.tsx';
import type { IconName } from '../../parts/glyphs.tsx';
import { currentClient, type ShownError } from '../../state/connection.ts';
import { useNavigation } from '../../state/navigation.ts';
import { openTerminal } from '../../state/terminals.ts';
import { setUp } from '../../state/testbeds.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.diagnostics;

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
      return button('play', words.setUp, () => setUp(name));
    case 'make-private':
      return button('lock', words.makeItPrivate, async () => {
        await currentClient().call('system.makePrivate', {});
        await onDone();
      });
    case 'show-testbeds':
      return button('testbeds', words.showTestbeds, () => go('testbeds'));
    case 'forget-passwords':
      return (
        <>
          {button('key', words.forgetKeptPasswords, () => setAsking(true))}
          {asking ? (
            <Dialog
              title={words.forgetAllKept}
              confirm={words.forgetThem}
              danger
              onClose={() => setAsking(false)}
              onConfirm={async () => {
                await currentClient().call('secrets.reset', {});
                await onDone();
              }}
            >
              <p>{words.thoseOfAll}</p>
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
          {button('refresh', words.renewCertificates, () => setAsking(true))}
          {asking ? (
            <Dialog
              title={words.renewTheCertificates(name)}
              confirm={words.renewThem}
              onClose={() => setAsking(false)}
              onConfirm={renew}
            >
              <p>{words.eachControl}</p>
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
      ? words.shellOnThis
      : words.shellOn(action.host);
