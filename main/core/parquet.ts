import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ContractError, type EventOf } from '../contract/contract.ts';
import type { Store } from '../store/store.ts';

/** Bytes of a piece; base64 makes four characters of three. */
const pieceBytes = 192 * 1024;

/** Sends readings as pieces of a file of Parquet, which is made in `folder` and gone afterwards. @throws ContractError nothing-to-export */
export async function exportParquet(
  store: Store,
  folder: string,
  wanted: { metrics: readonly string[]; from: number; to: number },
  emit: (event: EventOf<'telemetry.parquet'>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${randomUUID()}.parquet`);
  try {
    const samples = await store.telemetry.export(file, wanted);
    if (samples === 0)
      throw new ContractError(
        'nothing-to-export',
        'Nothing of these metrics is kept of that time.',
        'Choose another window of time.',
      );
    for await (const piece of createReadStream(file, { highWaterMark: pieceBytes })) {
      if (signal.aborted) return;
      await emit({ type: 'piece', data: (piece as Buffer).toString('base64') });
    }
    await emit({ type: 'done', samples });
  } finally {
    await rm(file, { force: true });
  }
}
