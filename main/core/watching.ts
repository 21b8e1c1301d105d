import type { EventOf } from '../contract/contract.ts';
import { ClusterState } from './cluster-state.ts';
import type { Live } from './live.ts';
import { LiveState } from './live-state.ts';
import type { Lives } from './lives.ts';
import type { Testbeds } from './testbeds.ts';
import { topologyOf } from './topology.ts';

/** Runs `watch` whenever the testbed is up, and `otherwise` once each time it is not, until `signal` aborts or the testbed is removed. */
export async function whenUp(
  name: string,
  services: { testbeds: Testbeds; lives: Lives },
  signal: AbortSignal,
  watch: (live: Live) => Promise<void>,
  otherwise: () => Promise<void> = async () => {},
): Promise<void> {
  while (!signal.aborted) {
    const changed = nextChange(services.testbeds, signal);
    try {
      const live = await services.lives.find(services.testbeds.get(name));
      if (live) await watch(live);
      else {
        await otherwise();
        await changed.happened;
      }
    } finally {
      changed.close();
    }
  }
}

/** The picture of a testbed that is not up: its hosts, and nothing that anybody would have told. */
export function picture(name: string, testbeds: Testbeds): EventOf<'topology.watch'> {
  const silent = new ClusterState({ clusters: [], onChange() {}, reach: () => Promise.reject(new Error('not up')) });
  return topologyOf(testbeds.get(name), new LiveState(Date.now), silent.value, Date.now());
}

function nextChange(testbeds: Testbeds, signal: AbortSignal): { happened: Promise<void>; close(): void } {
  let close = () => {};
  const happened = new Promise<void>((resolve) => {
    const subscription = testbeds.onChange(resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
    close = () => {
      subscription.close();
      resolve();
    };
  });
  return { happened, close };
}
