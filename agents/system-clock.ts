import type { Clock } from './clock.ts';

/** The host's own time. Timers do not keep the process alive: the agent does, by what it listens to. */
export const systemClock: Clock = {
  now: () => Date.now(),
  every(intervalMs, run) {
    let busy = false;
    const timer = setInterval(async () => {
      if (busy) return;
      busy = true;
      try {
        await run();
      } finally {
        busy = false;
      }
    }, intervalMs);
    return { close: () => clearInterval(timer) };
  },
  after(delayMs, run) {
    const timer = setTimeout(() => void run(), delayMs);
    return { close: () => clearTimeout(timer) };
  },
};
