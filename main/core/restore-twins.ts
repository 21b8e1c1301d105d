import type { Lifecycle } from './lifecycle.ts';
import type { Testbeds } from './testbeds.ts';
import { TwinMemory } from './twin-memory.ts';

/** A twin that was up when the core before was cut off; `again`: it is started again. */
export interface RestoredTwin {
  testbed: string;
  again: boolean;
}

/** A twin that takes its core down within this time of being started again is not tried once more. */
const restedMs = 2 * 60_000;

/** Starts twins again that a core has left up: it crashed, or the computer did. They go on as runs, which anybody can watch or cancel. */
export async function restoreTwins(
  { testbeds, lifecycle, log }: { testbeds: Testbeds; lifecycle: Lifecycle; log: (text: string) => void },
  now = Date.now(),
): Promise<RestoredTwin[]> {
  const restored: RestoredTwin[] = [];
  for (const entry of testbeds.all()) {
    const { testbed, remembered, folder } = entry;
    if (testbed.kind !== 'twin' || remembered.state !== 'up' || remembered.recording) continue;
    const memory = new TwinMemory(folder.twin);
    const before = (await memory.read())?.restoredAt ?? null;
    const again = before === null || now - before > restedMs || now < before;
    try {
      if (again) {
        await memory.restored(now);
        await lifecycle.restoreTwin(entry);
      } else {
        const trouble = 'the app was cut off while it ran, again soon after it had been started again';
        await testbeds.update(testbed.name, { state: 'failed', trouble });
      }
      restored.push({ testbed: testbed.name, again });
    } catch (error) {
      const trouble = `could not be started again: ${error instanceof Error ? error.message : String(error)}`;
      log(`${testbed.name} ${trouble}`);
      await testbeds.update(testbed.name, { state: 'failed', trouble });
      restored.push({ testbed: testbed.name, again: false });
    }
  }
  return restored;
}
