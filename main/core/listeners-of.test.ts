import { expect, test } from 'vitest';
import { addressOf, parseListeners, servicesOf } from './listeners-of.ts';

test('what can be reached at the loopback of a host is told once a port, with its program', () => {
  const text = `LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=712,fd=3))
LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=712,fd=4))
LISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:*
LISTEN 0 4096 10.0.0.5:9000 0.0.0.0:* users:(("bound",pid=9,fd=3))
LISTEN 0 511 *:8080 *:*
LISTEN 0 511 127.0.0.1:3000 0.0.0.0:* users:(("grafana server",pid=1,fd=1))

`;
  expect(parseListeners('gate', text)).toEqual([
    { target: { kind: 'host', host: 'gate', port: 22 }, about: 'sshd' },
    { target: { kind: 'host', host: 'gate', port: 3000 }, about: 'grafana server' },
    { target: { kind: 'host', host: 'gate', port: 8080 }, about: '' },
  ]);
});

test('services are reached by their address, or by a port of their node', () => {
  const list = {
    items: [
      { metadata: { name: 'web', namespace: 'shop' }, spec: { clusterIP: '10.11.0.9', ports: [{ port: 80, name: 'http' }] } },
      {
        metadata: { name: 'dns', namespace: 'kube-system' },
        spec: { clusterIP: '10.11.0.10', ports: [{ port: 53, protocol: 'UDP' }] },
      },
      { metadata: { name: 'out', namespace: 'shop' }, spec: { clusterIP: '10.11.0.11', ports: [{ port: 81, nodePort: 30081 }] } },
      { metadata: { name: 'headless', namespace: 'shop' }, spec: { clusterIP: 'None', ports: [{ port: 82 }] } },
    ],
  };
  expect(servicesOf('cluster1', list).map(({ target }) => target)).toEqual(
    [
      ['web', 80],
      ['out', 81],
      ['headless', 82],
    ].map(([service, port]) => ({ kind: 'service', cluster: 'cluster1', namespace: 'shop', service, port })),
  );
  expect(addressOf(list.items[0]!, 80)).toEqual({ address: '10.11.0.9', port: 80 });
  expect(addressOf(list.items[2]!, 81)).toEqual({ address: '127.0.0.1', port: 30081 });
  expect(addressOf(list.items[3]!, 82)).toBeNull();
});
