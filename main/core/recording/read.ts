import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { ContractError } from '../../contract/contract.ts';
import type { Store } from '../../store/store.ts';
import { fromDifferences, headerSchema, lineSchema, type RecordingHeader, recordingVersion } from './format.ts';

/** Readings are handed to the store in batches of so many. */
const flushEvery = 20_000;

const notOne = (why: string): ContractError =>
  new ContractError(
    'not-a-recording',
    `The file is no recording of MLSysOps Desktop: ${why}.`,
    'Choose a file that "Save recording" made.',
  );

/**
 * Reads a recording from its gzip file: first its header, by which `makeStore` makes the place for the rest. The file may come from anybody:
 * each line is checked, and one that does not fit ends the reading.
 * @throws ContractError not-a-recording, newer-recording
 */
export async function readRecording(
  file: string,
  makeStore: (header: RecordingHeader) => Promise<{ store: Store; testbed: string }>,
): Promise<RecordingHeader> {
  const source = createReadStream(file);
  const gunzip = createGunzip();
  source.on('error', (error) => gunzip.destroy(error));
  const lines = createInterface({ input: source.pipe(gunzip), crlfDelay: Number.POSITIVE_INFINITY });
  let header: RecordingHeader | null = null;
  let into: { store: Store; testbed: string } | null = null;
  let number = 0;
  let ended = false;
  let held = 0;
  const found = { samples: 0, decisions: 0, pictures: 0 };
  const keys = new Map<number, { key: z.infer<typeof lineSchema> & { type: 'series' } }>();
  try {
    for await (const text of lines) {
      number++;
      if (text === '') continue;
      if (!header || !into) {
        header = headerOf(text);
        into = await makeStore(header);
        continue;
      }
      const { store } = into;
      const value = parsed(lineSchema, text, number);
      switch (value.type) {
        case 'series':
          keys.set(value.series, { key: value });
          break;
        case 'samples': {
          const series = keys.get(value.series)?.key;
          if (!series) throw notOne(`line ${number} has samples of a series that it does not name`);
          const times = fromDifferences(value.times);
          for (const [index, time] of times.entries())
            store.telemetry.append({ key: series.key, source: series.source, time, value: value.values[index] ?? Number.NaN });
          found.samples += times.length;
          held += times.length;
          if (held >= flushEvery) {
            await store.flush();
            held = 0;
          }
          break;
        }
        case 'picture':
          found.pictures++;
          store.pictures.save({ time: value.time, picture: value.picture && { ...value.picture, testbed: into.testbed } });
          break;
        case 'decision':
          found.decisions++;
          store.decisions.save(value.record);
          break;
        case 'end':
          ended = true;
          for (const [what, count] of Object.entries(found))
            if (count !== value[what as keyof typeof found])
              throw notOne(`it should have ${value[what as keyof typeof found]} ${what} and has ${count}`);
      }
    }
  } catch (error) {
    if (error instanceof ContractError) throw error;
    throw notOne(`it cannot be unpacked (${error instanceof Error ? error.message : String(error)})`);
  }
  if (!header || !into) throw notOne('it is empty');
  if (!ended) throw notOne('its end is missing; it was cut off on its way');
  await into.store.flush();
  return header;
}

function headerOf(text: string): RecordingHeader {
  const told = z.object({ format: z.literal('mlsysops-recording'), version: z.number() }).safeParse(json(text));
  if (!told.success) throw notOne('it does not begin as one');
  if (told.data.version > recordingVersion)
    throw new ContractError(
      'newer-recording',
      `The recording is of version ${told.data.version}; this app reads up to ${recordingVersion}.`,
      'Open it with a newer MLSysOps Desktop.',
    );
  return parsed(headerSchema, text, 1);
}

function parsed<S extends z.ZodType>(schema: S, text: string, line: number): z.output<S> {
  const result = schema.safeParse(json(text));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw notOne(`line ${line}: ${issue ? `${issue.path.join('.')} ${issue.message}` : 'does not fit'}`);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
