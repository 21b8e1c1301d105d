import { expect, it } from 'vitest';
import { chooseResolvConf } from './name-servers.ts';

it('gives hosts name servers that they can reach, not the stub of this computer', () => {
  const stub = '# stub\nnameserver 127.0.0.53\noptions edns0\n';
  const direct = 'nameserver 192.168.1.1\nsearch home\n';
  expect(chooseResolvConf([direct])).toBe(direct);
  expect(chooseResolvConf([stub, direct])).toBe(direct);
  expect(chooseResolvConf(['nameserver 127.0.0.1\nnameserver 9.9.9.9\n', direct])).toBe('nameserver 9.9.9.9\n');
  expect(chooseResolvConf([stub, 'nameserver ::1\n'])).toBe('');
});
