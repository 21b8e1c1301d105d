import { describe, expect, it } from 'vitest';
import { freeIndex, hardwareAddressOf } from './network.ts';
import { requestSchema } from './requests.ts';

describe('the network of local hosts', () => {
  it('avoids what is routed and what other testbeds have', () => {
    const routes =
      'default via 172.16.0.1 dev eth0\n10.99.1.0/24 dev vpn\nlocal 10.99.3.1 dev mlh3 table local\n10.0.0.0/8 dev wide\n';
    expect(freeIndex(routes, [2], 0)).toBe(4);
    const all = Array.from({ length: 254 }, (_, index) => index + 1);
    expect(() => freeIndex('', all, 7)).toThrow(/no free network/);
  });

  it('is not the one of a testbed that has just gone', () => {
    expect(freeIndex('', [], 4)).toBe(5);
    expect(freeIndex('', [254, 1], 253)).toBe(2);
  });
});

describe('hardware addresses', () => {
  it('are different for every host of every testbed, and local ones', () => {
    const all = [1, 17, 254].flatMap((index) => Array.from({ length: 33 }, (_, number) => hardwareAddressOf(index, number)));
    expect(new Set(all).size).toBe(all.length);
    expect(all.every((address) => /^02(:[0-9a-f]{2}){5}$/.test(address))).toBe(true);
  });
});

describe('requests to the helper', () => {
  it.each([
    { verb: 'create', testbed: 'a', hosts: [{ name: 'b' }], authorizedKey: 'ssh-ed25519 AAAA\ncommand="x" ssh-rsa BBBB' },
    { verb: 'create', testbed: 'a', hosts: [{ name: 'b$(id)' }], authorizedKey: 'ssh-ed25519 AAAA' },
    { verb: 'create', testbed: 'a', hosts: [], authorizedKey: 'ssh-ed25519 AAAA' },
    { verb: 'stop', testbed: '..', host: 'x' },
    { verb: 'stop', testbed: 'x', host: '-rf' },
    { verb: 'execute', program: 'sh' },
  ])('are refused when they are not exactly what they should be: %j', (request) => {
    expect(requestSchema.safeParse(request).success).toBe(false);
  });
});
