import type { Clock } from '../clock.ts';
import type { Log } from '../config.ts';

/** Clocks that are kept by NTP differ by far less; what is dated later than this would make all that comes after it look old. */
export const mostAheadMs = 60_000;

/** Takes a message unless it is dated in the far future; the first of a node that is, is told of, and again once its clock was right in between. */
export function notAhead<T extends { node: string; time: number }>(clock: Clock, deliver: (message: T) => void, log: Log) {
  const told = new Set<string>();
  return (message: T): void => {
    const { node, time } = message;
    const aheadMs = time - clock.now();
    if (aheadMs <= mostAheadMs) {
      told.delete(node);
      deliver(message);
      return;
    }
    if (told.has(node)) return;
    told.add(node);
    log('warn', `what ${node} tells is dated ${Math.round(aheadMs / 1000)} s ahead and is dropped: set its clock`, { node });
  };
}
