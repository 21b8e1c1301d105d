import { createContractClient } from '../contract/client.ts';
import type { ContractClient } from '../contract/contract.ts';
import { attachCore } from '../transport/attach.ts';
import { clientChannel } from '../transport/web-socket-channel.ts';
import { english } from './english.ts';

const againMs = 5000;

export interface RunEnd {
  testbed: string;
  title: string;
  body: string;
}

/** Tells the end of each run of any testbed that begins or goes on while this listens: the page may be hidden, and then it hears nothing. */
export async function watchRunEnds(client: ContractClient, tell: (end: RunEnd) => void): Promise<void> {
  const busy = new Map<string, boolean>();
  await new Promise<void>((resolve) => {
    client.open(
      'testbeds.watch',
      {},
      async (testbeds) => {
        for (const { name, state, lastRun } of testbeds) {
          const was = busy.get(name) ?? false;
          busy.set(name, state === 'provisioning');
          if (!was || state === 'provisioning' || lastRun === null) continue;
          const run = (await client.call('runs.list', { testbed: name })).find((one) => one.run === lastRun);
          if (!run || run.state === 'running') continue;
          const word = english.runEnded[run.state];
          tell({ testbed: name, title: `${name}: ${word}`, body: run.summary ?? '' });
        }
      },
      () => resolve(),
    );
  });
}

/**
 * The same for as long as the app runs, over a connection of its own, also after the core was started anew. `greet` is what each core is told
 * first.
 */
export function followRunEnds(
  core: Parameters<typeof attachCore>[0],
  greet: (client: ContractClient) => Promise<void>,
  tell: (end: RunEnd) => void,
): void {
  const follow = async () => {
    try {
      const client = createContractClient(clientChannel(await attachCore(core)));
      await greet(client);
      await watchRunEnds(client, tell);
    } catch {
      // No core at the moment: the window says so, and this tries again.
    }
    setTimeout(() => void follow(), againMs);
  };
  void follow();
}
