import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { EventOf } from '../../contract/contract.ts';
import { ContractError } from '../../contract/contract.ts';
import type { Store } from '../../store/store.ts';
import type { TestbedEntry } from '../testbeds.ts';
import { asDifferences, type RecordingHeader, type RecordingLine, recordingVersion, samplesPerLine } from './format.ts';

type Emit = (event: EventOf<'recordings.save'>) => Promise<void>;

/** Bytes of a piece; base64 makes four characters of three. */
const pieceBytes = 192 * 1024;

/**
 * Sends the recording of a window of time as pieces of its file.
 * @throws ContractError nothing-recorded
 */
export async function saveRecording(
  { entry, store, from, to, app }: { entry: TestbedEntry; store: Store; from: number; to: number; app: string },
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const span = await store.span();
  if (!span || from >= to || to < span.from || from > span.to)
    throw new ContractError(
      'nothing-recorded',
      `Nothing of "${entry.testbed.name}" is kept of that time.`,
      'Choose a time in which it was up and looked at.',
    );
  const { testbed, remembered } = entry;
  const header: RecordingHeader = {
    format: 'mlsysops-recording',
    version: recordingVersion,
    app,
    savedAt: Date.now(),
    from: Math.round(Math.max(from, span.from)),
    to: Math.round(Math.min(to, span.to)),
    testbed: {
      name: testbed.name,
      kind: testbed.kind,
      doubles: remembered.doubles,
      // Who logs in, and by which key, is nobody's business.
      hosts: testbed.hosts.map(({ name, address, role, cluster }) => ({ name, address, role, cluster })),
    },
  };
  const counts = { samples: 0, decisions: 0, pictures: 0 };
  const text = Readable.from(linesOf(header, store, counts), { encoding: 'utf8' });
  const gzip = createGzip();
  text.on('error', (error) => gzip.destroy(error));
  let held: Buffer[] = [];
  let bytes = 0;
  const send = async () => {
    await emit({ type: 'piece', data: Buffer.concat(held).toString('base64') });
    held = [];
    bytes = 0;
  };
  for await (const chunk of text.pipe(gzip)) {
    signal.throwIfAborted();
    held.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes >= pieceBytes) await send();
  }
  await send();
  await emit({ type: 'done', ...counts });
}

async function* linesOf(
  header: RecordingHeader,
  store: Store,
  counts: { samples: number; decisions: number; pictures: number },
): AsyncGenerator<string> {
  const { from, to } = header;
  const line = (value: RecordingLine | RecordingHeader) => `${JSON.stringify(value)}\n`;
  yield line(header);
  for (const { time, picture } of await store.pictures.between(from, to)) {
    counts.pictures++;
    yield line({ type: 'picture', time, picture });
  }
  for (const { id, key, source } of store.telemetry.series()) {
    const { times, values } = await store.telemetry.samples(id, from, to);
    if (times.length === 0) continue;
    counts.samples += times.length;
    yield line({ type: 'series', series: id, key, source });
    for (let at = 0; at < times.length; at += samplesPerLine) {
      const part = asDifferences(times.slice(at, at + samplesPerLine));
      yield line({ type: 'samples', series: id, times: part, values: values.slice(at, at + samplesPerLine) });
    }
  }
  for (let before = to + 1; ; ) {
    const records = await store.decisions.list({ limit: 500, before });
    const inside = records.filter(({ time }) => time >= from);
    for (const record of inside) {
      counts.decisions++;
      yield line({ type: 'decision', record });
    }
    const oldest = records.at(-1);
    if (!oldest || inside.length < records.length || records.length < 500) break;
    before = oldest.time;
  }
  yield line({ type: 'end', ...counts });
}
