import { useCallback, useEffect, useState } from 'react';
import { Button, ErrorNote } from '../../parts/controls.tsx';
import { currentClient, type ShownError, shownError } from '../../state/connection.ts';
import { useTestbeds } from '../../state/testbeds.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.settings.passwords;
type Kept = { testbed: string; kept: number };

/** How many passwords are kept for which testbed, each to be forgotten. They themselves are never told. */
export function KeptPasswords() {
  const list = useTestbeds((state) => state.list);
  const names = (list ?? []).filter(({ kind, recording }) => kind === 'hosts' && !recording).map(({ name }) => name);
  const key = names.join('\n');
  const [found, setFound] = useState<{ lockedBy: 'keychain' | 'passphrase' | null; all: Kept[] } | null>(null);
  const [error, setError] = useState<ShownError | null>(null);
  const look = useCallback(async () => {
    const answers = await Promise.all(
      key
        .split('\n')
        .filter(Boolean)
        .map(async (testbed) => ({ testbed, ...(await currentClient().call('secrets.kept', { testbed })) })),
    );
    // One vault has them all.
    const { locked = false, guard = 'none' } = answers[0] ?? {};
    setFound({ lockedBy: locked && guard !== 'none' ? guard : null, all: answers.filter(({ kept }) => kept > 0) });
  }, [key]);
  useEffect(() => {
    look().catch((reason: unknown) => setError(shownError(reason)));
  }, [look]);
  if (error) return <ErrorNote error={error} />;
  if (!found) return null;
  if (found.all.length === 0) return <span className="muted">{found.lockedBy ? words.locked[found.lockedBy] : words.none}</span>;
  return (
    <ul className="kept-passwords">
      {found.all.map(({ testbed, kept }) => (
        <li key={testbed} className="row">
          <span className="label ellipsis">{testbed}</span>
          <span className="muted">{words.kept(kept)}</span>
          <span className="spacer" />
          <Button
            kind="danger"
            aria-label={words.forgetOf(testbed)}
            data-testid={testIds.forgetPasswords(testbed)}
            onError={setError}
            onClick={async () => {
              await currentClient().call('secrets.forget', { testbed });
              await look();
            }}
          >
            {words.forget}
          </Button>
        </li>
      ))}
    </ul>
  );
}
