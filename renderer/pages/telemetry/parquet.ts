import { ContractError } from '../../../main/contract/contract.ts';
import { currentClient } from '../../state/connection.ts';
import { fromBase64 } from '../../state/recordings.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.telemetry;

/** Every reading of some metrics in a window of time, as it was kept, in one Parquet file. @throws ContractError nothing-to-export, cut-off */
export function fetchParquet(testbed: string, metrics: string[], from: number, to: number): Promise<Blob> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let isWhole = false;
    currentClient().open(
      'telemetry.parquet',
      { testbed, metrics, from, to },
      (event) => {
        if (event.type === 'piece') pieces.push(fromBase64(event.data));
        else isWhole = true;
      },
      (error) => {
        if (error) reject(error);
        else if (!isWhole) reject(new ContractError('cut-off', words.theFileWas, words.exportItAgain));
        else resolve(new Blob(pieces, { type: 'application/vnd.apache.parquet' }));
      },
    );
  });
}
