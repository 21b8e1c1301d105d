import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Taker, Turns } from './turns.ts';

let clock = 0;
/** A terminal that takes what it is given when the test says so, as fast as it is told to. */
class HeldTerminal implements Taker {
  readonly given: string[] = [];
  readonly #held: { text: string; taken: () => void }[] = [];
  readonly #charactersAMs: number;
  constructor(charactersAMs = 10_000) {
    this.#charactersAMs = charactersAMs;
  }
  write(text: string, taken: () => void): void {
    if (text !== '') this.given.push(text);
    this.#held.push({ text, taken });
  }
  get atWork(): boolean {
    return this.#held.length > 0;
  }
  take(): void {
    for (const { text, taken } of this.#held.splice(0)) {
      clock += text.length / this.#charactersAMs;
      taken();
    }
  }
}
const turnsOf = (hidden = false) => new Turns({ later: (next) => next(), hidden: () => hidden, now: () => clock });

test('two that are flooded get their turns one after the other, a part of a frame each', () => {
  const turns = turnsOf();
  const [one, two] = [new HeldTerminal(), new HeldTerminal()];
  for (let round = 0; round < 20; round++) {
    void turns.write(one, 'a'.repeat(65_536));
    void turns.write(two, 'b'.repeat(65_536));
  }
  const order: string[] = [];
  while (one.atWork || two.atWork) {
    expect(one.atWork && two.atWork).toBe(false);
    order.push(one.atWork ? '1' : '2');
    (one.atWork ? one : two).take();
  }
  expect(order.join('')).toMatch(/^(12)+$/);
  expect([one.given.join('').length, two.given.join('').length]).toEqual([20 * 65_536, 20 * 65_536]);
  // 4 ms of 10,000 characters.
  expect(one.given.slice(2, -1).every(({ length }) => length === 40_000)).toBe(true);
});

test('a terminal that is slow gets less at once', () => {
  const turns = turnsOf();
  const slow = new HeldTerminal(1000);
  void turns.write(slow, 'a'.repeat(500_000));
  while (slow.atWork) slow.take();
  expect(slow.given.slice(1, -1).map(({ length }) => length)).toEqual(slow.given.slice(1, -1).map(() => 24_000));
});

test('whatever is written comes whole and in its order, and no surrogate pair is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme', maxLength: 5 }), { maxLength: 8 }), async (parts) => {
      const turns = turnsOf();
      const terminal = new HeldTerminal(500);
      const texts = parts.map((part) => part.repeat(9000));
      const written = texts.map((text) => turns.write(terminal, text));
      while (terminal.atWork) terminal.take();
      await Promise.all(written);
      expect(terminal.given.join('')).toBe(texts.join(''));
      expect(terminal.given.filter((slice) => /^[\udc00-\udfff]|[\ud800-\udbff]$/.test(slice))).toEqual([]);
    }),
    { numRuns: 20 },
  );
});

test('one that is closed while it is at work holds nobody up, and nobody waits for it', async () => {
  const turns = turnsOf();
  const [one, two] = [new HeldTerminal(), new HeldTerminal()];
  const written = turns.write(one, 'a'.repeat(100_000));
  void turns.write(two, 'b');
  turns.forget(one);
  await written;
  expect(two.given).toEqual(['b']);
  one.take();
  two.take();
  expect(one.given).toHaveLength(1);
});

test('in a hidden page all that is there goes at once', () => {
  const turns = turnsOf(true);
  const terminal = new HeldTerminal();
  void turns.write(terminal, 'a'.repeat(300_000));
  expect(terminal.given.map(({ length }) => length)).toEqual([300_000]);
});
