import { expect, it } from 'vitest';
import { neighbours } from './elsewhere.ts';

it('a host is looked for where its own network cards have been seen, and nowhere else', () => {
  const said = `10.0.0.9 dev eth0 lladdr 52:54:00:00:00:01 STALE
10.0.0.7 dev eth0 lladdr 52:54:00:00:00:02 REACHABLE
10.0.0.8 dev eth0  FAILED
192.168.1.4 dev wlan0 lladdr 52:54:00:00:00:03 router DELAY
nonsense`;
  expect(neighbours(said, new Set(['52:54:00:00:00:01', '52:54:00:00:00:03']))).toEqual(['10.0.0.9', '192.168.1.4']);
  expect(neighbours(said, new Set())).toEqual([]);
});
