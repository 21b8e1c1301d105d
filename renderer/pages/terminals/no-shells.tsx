import { useState } from 'react';
import { Button, ErrorNote } from '../../parts/controls.tsx';
import type { ShownError } from '../../state/connection.ts';
import { useNavigation } from '../../state/navigation.ts';
import { makeLocalHosts, useTestbeds } from '../../state/testbeds.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.terminals;

/** Why a twin has no shell, and the way to hosts that have one: a testbed that is there, or local hosts made now. */
export function NoShells({ twin }: { twin: string }) {
  const others = useTestbeds((state) => state.list)?.filter(({ kind, recording }) => kind !== 'twin' && !recording) ?? [];
  const unavailable = useTestbeds((state) => state.info?.localHostsUnavailable ?? null);
  const go = useNavigation((state) => state.go);
  const [error, setError] = useState<ShownError | null>(null);
  return (
    <div className="empty" data-testid={testIds.noShells}>
      <h1>{words.isSimulated(twin)}</h1>
      <p>{words.noMachineStands(others.length > 0 ? words.theHostsOf : unavailable ? words.hostsOfYour : words.fourRealHosts)}</p>
      <div className="row gap-6">
        {others.map(({ name }) => (
          <Button key={name} icon="terminals" onClick={() => go('terminals', name)}>
            {words.shellsOf(name)}
          </Button>
        ))}
        {others.length === 0 && !unavailable ? (
          <Button
            icon="laptop"
            onClick={async () => {
              setError(null);
              go('terminals', await makeLocalHosts());
            }}
            onError={setError}
          >
            {words.makeLocalHosts}
          </Button>
        ) : null}
        {others.length === 0 && unavailable ? <Button onClick={() => go('testbeds')}>{words.chooseHosts}</Button> : null}
      </div>
      <ErrorNote error={error} />
    </div>
  );
}
