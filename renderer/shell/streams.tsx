import { useEffect } from 'react';
import { currentClient, useConnection } from '../state/connection.ts';
import { useCurrentTestbed, useTestbeds } from '../state/testbeds.ts';
import { useStream } from '../state/use-stream.ts';
import { mergeDecisions, resetWorld, useWorld } from '../state/world.ts';

/** What the shell itself needs on every page: the testbeds, and of the current one its topology and decisions. */
export function Streams() {
  const { client, state } = useConnection();
  const testbed = useCurrentTestbed();
  const name = testbed?.name ?? null;
  // A testbed that was never set up has nothing to watch yet.
  const living = testbed && testbed.state !== 'new' && testbed.state !== 'down' ? testbed.name : null;

  useEffect(() => resetWorld(name), [name]);
  useEffect(() => {
    if (!client || state !== 'connected') return;
    client.call('system.info', {}).then(
      (info) => useTestbeds.setState({ info }),
      () => useTestbeds.setState({ info: null }),
    );
  }, [client, state]);

  useStream('testbeds.watch', {}, (list) => useTestbeds.setState({ list }));
  useStream(
    'topology.watch',
    living ? { testbed: living } : null,
    (topology) => {
      if (topology.testbed === useWorld.getState().testbed)
        useWorld.setState({ topology, receivedAt: Date.now(), topologyError: null });
    },
    { onEnd: (error) => error && error.code !== 'disconnected' && useWorld.setState({ topologyError: error.message }) },
  );
  useStream(
    'decisions.watch',
    living ? { testbed: living } : null,
    (record) => useWorld.setState(({ decisions }) => ({ decisions: mergeDecisions(decisions, [record]) })),
    {
      // Watching starts first, then the past is read: nothing between the two is lost.
      onOpen: () => {
        if (!living) return;
        currentClient()
          .call('decisions.list', { testbed: living, limit: 300 })
          .then(
            (records) => {
              if (useWorld.getState().testbed !== living) return;
              useWorld.setState(({ decisions }) => ({ decisions: mergeDecisions(decisions, records), decisionsLoaded: true }));
            },
            () => useWorld.setState({ decisionsLoaded: true }),
          );
      },
    },
  );
  return null;
}
