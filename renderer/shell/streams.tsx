import { useEffect, useRef } from 'react';
import { useConnection } from '../state/connection.ts';
import { coarse, isLiving, useKeptWindow, useMoment, usePlaying, useShownTime, useSpan } from '../state/moment.ts';
import { tell } from '../state/notices.ts';
import { takeSettings, useSettings } from '../state/settings.ts';
import { useCurrentTestbed, useTestbeds } from '../state/testbeds.ts';
import { useTwinTime } from '../state/twin-clock.ts';
import { useStream } from '../state/use-stream.ts';
import { mergeDecisions, resetWorld, useWorld } from '../state/world.ts';
import { texts } from '../texts/texts.ts';

const words = texts.shell;

/** What the shell itself needs on every page: the testbeds, and of the current one its topology and decisions. */
export function Streams() {
  const { client, state } = useConnection();
  const testbed = useCurrentTestbed();
  const name = testbed?.name ?? null;
  // A testbed that was never set up has nothing to watch yet.
  const living = isLiving(testbed) ? name : null;
  useMoment(name);
  useSpan(testbed);
  useKeptWindow();
  usePlaying();
  useTwinTime();
  useDecisionsOfThePast(testbed?.state === 'new' ? null : name);

  useEffect(() => resetWorld(name), [name]);
  useEffect(() => {
    if (!client || state !== 'connected') return;
    client.call('system.info', {}).then(
      (info) => {
        const before = useTestbeds.getState().info;
        const isNew = before?.core.pid !== info.core.pid;
        if (before && isNew) tell(words.theBackground);
        if (isNew) for (const { testbed, again } of info.restored) tell(restoredText(testbed, again));
        useTestbeds.setState({ info });
      },
      // Lost again before it answered: what was known of the one before still tells whether the next is another.
      () => {},
    );
  }, [client, state]);

  useStream('settings.watch', {}, ({ settings, file, trouble }) => {
    const before = useSettings.getState().trouble;
    takeSettings({ settings, file, trouble });
    if (trouble !== null && trouble !== before) tell(texts.settings.trouble(trouble));
  });
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
    // Watching starts first, then the past is read: nothing between the two is lost.
    { onOpen: () => useWorld.setState({ decisionsLoaded: false, loadedFrom: null }) },
  );
  return null;
}

const restoredText = (testbed: string, again: boolean): string =>
  again ? words.wasUpWhenThe(testbed) : words.wasCutOffTwice(testbed);

const pageSize = 300;

/** The newest decisions once the testbed is chosen, then page by page as far back as the time line goes. */
function useDecisionsOfThePast(testbed: string | null): void {
  const { client, state } = useConnection();
  const { from } = useShownTime(coarse);
  const { loadedFrom, decisionsLoaded } = useWorld();
  const asking = useRef(false);
  const wanted = testbed !== null && (!decisionsLoaded || (loadedFrom !== null && from < loadedFrom));
  useEffect(() => {
    if (!wanted || !client || state !== 'connected' || asking.current) return;
    asking.current = true;
    const { loadedFrom: before } = useWorld.getState();
    client
      .call('decisions.list', { testbed, limit: pageSize, ...(before === null ? {} : { before }) })
      .then(
        (records) => {
          if (useWorld.getState().testbed !== testbed) return;
          useWorld.setState(({ decisions }) => ({
            decisions: mergeDecisions(decisions, records),
            decisionsLoaded: true,
            loadedFrom: records.length < pageSize ? null : (records.at(-1)?.time ?? null),
          }));
        },
        () => useWorld.setState({ decisionsLoaded: true }),
      )
      .finally(() => {
        asking.current = false;
      });
  }, [wanted, testbed, client, state]);
}
