import { create } from 'zustand';
import { ContractError } from '../../main/contract/contract.ts';
import { maximumPieceCharacters } from '../../main/contract/recordings.ts';
import { texts } from '../texts/texts.ts';
import { currentClient, type ShownError, shownError } from './connection.ts';
import { useNavigation } from './navigation.ts';

const words = texts.state;

export const recordingEnding = '.mlsysops-recording';

interface RecordingsState {
  /** The dialog that asks which window to save. */
  asking: boolean;
  /** A file that comes in, as a share of it; null when none does. */
  opening: { name: string; share: number } | null;
  error: ShownError | null;
}
export const useRecordings = create<RecordingsState>(() => ({ asking: false, opening: null, error: null }));

export const askToSave = (): void => useRecordings.setState({ asking: true });

/** The file of a window of time, with how much is in it. @throws ContractError */
export function fetchRecording(
  testbed: string,
  from: number,
  to: number,
): Promise<{ file: Blob; samples: number; decisions: number }> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let counts: { samples: number; decisions: number } | null = null;
    currentClient().open(
      'recordings.save',
      { testbed, from, to },
      (event) => {
        if (event.type === 'piece') pieces.push(fromBase64(event.data));
        else counts = event;
      },
      (error) => {
        if (error) reject(error);
        else if (!counts) reject(new ContractError('cut-off', words.theRecording, words.saveItAgain));
        else resolve({ file: new Blob(pieces, { type: 'application/gzip' }), ...counts });
      },
    );
  });
}

/** Hands a file to the core, and shows what is in it. */
export async function openRecording(file: File): Promise<void> {
  useRecordings.setState({ opening: { name: file.name, share: 0 }, error: null });
  try {
    const client = currentClient();
    const { upload } = await client.call('recordings.begin', {});
    // Four characters carry three bytes.
    const pieceBytes = Math.floor(maximumPieceCharacters / 4) * 3;
    for (let at = 0; at < file.size; at += pieceBytes) {
      const bytes = new Uint8Array(await file.slice(at, at + pieceBytes).arrayBuffer());
      await client.call('recordings.piece', { upload, data: toBase64(bytes) });
      useRecordings.setState({ opening: { name: file.name, share: Math.min(1, (at + pieceBytes) / file.size) } });
    }
    const testbed = await client.call('recordings.open', { upload });
    useNavigation.getState().go('topology', testbed.name);
  } catch (error) {
    useRecordings.setState({ error: shownError(error) });
  } finally {
    useRecordings.setState({ opening: null });
  }
}

/** Lets a person choose a file and opens it. */
export function chooseRecording(): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = recordingEnding;
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file) void openRecording(file);
  });
  input.click();
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary);
}
