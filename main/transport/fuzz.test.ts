import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contract, type Handlers } from '../contract/contract.ts';
import { serverFrameSchema } from '../contract/wire.ts';
import { serveChannel } from './serve-channel.ts';

const names = Object.keys(contract);
const words = fc.constantFrom(...names, '__proto__', 'constructor', 'toString', '', 'testbeds.get ', 'hasOwnProperty');
/** Shapes that are nearly right, and what no client sends. */
const input = fc.oneof(
  fc.anything({ withNullPrototype: false }),
  fc.record(
    {
      testbed: fc.oneof(fc.string(), fc.constantFrom('lab', '../../etc/passwd', '__proto__'), fc.anything()),
      host: fc.oneof(fc.string(), fc.integer()),
      run: fc.string(),
      terminal: fc.string(),
      data: fc.string(),
      columns: fc.double(),
      rows: fc.double(),
      time: fc.double(),
      id: fc.string(),
    },
    { requiredKeys: [] },
  ),
);
const number = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.maxSafeInteger(), fc.double(), fc.string());
const frame = fc.oneof(
  fc.anything(),
  fc.record(
    {
      type: fc.constantFrom('call', 'open', 'grant', 'close', 'answer', 'x'),
      id: number,
      name: words,
      input,
      credit: number,
    },
    { requiredKeys: ['type'] },
  ),
);
const tick = () => new Promise((resolve) => setImmediate(resolve));

test('whatever comes over a channel: no handler sees what does not fit, each call has one answer, and the next one is served', async () => {
  const unhandled: unknown[] = [];
  const hear = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', hear);
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 20 }), async (frames) => {
        const wire = new EventEmitter();
        const sent: ReturnType<typeof serverFrameSchema.parse>[] = [];
        let living = 0;
        /** Every service of the contract: what it is given must fit. */
        const handlers = Object.fromEntries(
          names.map((name) => {
            const { kind, input: schema } = contract[name as keyof typeof contract];
            const check = (given: unknown) => {
              if (!schema.safeParse(given).success) throw new Error(`${name} was given what does not fit`);
            };
            if (kind === 'call')
              return [
                name,
                async (given: unknown) => {
                  check(given);
                  return name === 'runs.cancel' ? {} : undefined;
                },
              ];
            return [
              name,
              (given: unknown, _emit: unknown, signal: AbortSignal) => {
                check(given);
                living++;
                return new Promise<void>((resolve) =>
                  signal.addEventListener('abort', () => {
                    living--;
                    resolve();
                  }),
                );
              },
            ];
          }),
        ) as unknown as Handlers;
        const logged: string[] = [];
        serveChannel(
          handlers,
          {
            send: (one) => void sent.push(serverFrameSchema.parse(JSON.parse(JSON.stringify(one)))),
            onFrame: (listener) => void wire.on('frame', listener),
            onClose: (listener) => void wire.on('close', listener),
          },
          (text) => logged.push(text),
        );
        for (const one of frames) {
          // As a socket brings it: JSON, or nothing at all.
          let text: string | undefined;
          try {
            text = JSON.stringify(one);
          } catch {}
          if (text !== undefined) wire.emit('frame', JSON.parse(text));
        }
        await tick();
        wire.emit('frame', { type: 'call', id: 123_456_789, name: 'runs.cancel', input: { run: 'r' } });
        await tick();
        expect(sent.filter(({ id }) => id === 123_456_789)).toEqual([{ type: 'answer', id: 123_456_789, output: {} }]);
        expect(logged.filter((text) => text.includes('was given what does not fit'))).toEqual([]);
        expect(sent.filter(({ type }) => type === 'answer' || type === 'error').length).toBe(
          1 + frames.filter((one) => isCall(one)).length,
        );
        // Nothing goes on for a channel that has closed.
        wire.emit('close');
        await tick();
        expect(living).toBe(0);
      }),
      { numRuns: 150 },
    );
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', hear);
  }
});

/** As it arrives: JSON knows no NaN, no infinity and no undefined. */
function isCall(sent: unknown): boolean {
  let one: unknown;
  try {
    one = JSON.parse(JSON.stringify(sent) ?? 'null');
  } catch {
    return false;
  }
  if (typeof one !== 'object' || one === null) return false;
  const { type, id } = one as Record<string, unknown>;
  return type === 'call' && Number.isSafeInteger(id);
}
