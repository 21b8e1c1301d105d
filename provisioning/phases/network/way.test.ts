import { describe, expect, it } from 'vitest';
import { contextDouble, exampleFacts, exampleTestbed } from '../support/context-double.ts';
import { isOnLink, podNetworkOf } from './way.ts';

const shared = [
  { destination: '0.0.0.0/0', device: 'eth0', via: '10.77.0.1' },
  { destination: '10.77.0.0/24', device: 'eth0', via: null },
];
/** A network of its own behind the same router. */
const alone = [
  { destination: '0.0.0.0/0', device: 'wlan0', via: '10.77.9.1' },
  { destination: '10.77.9.0/24', device: 'wlan0', via: null },
];

describe('how pods of different hosts reach each other', () => {
  const found = (routes: Record<string, typeof shared>, network?: 'routes' | 'vxlan') => {
    const testbed = exampleTestbed();
    testbed.clusters.cluster1 = { ...testbed.clusters.cluster1!, network };
    const context = contextDouble(testbed, '/nowhere');
    for (const host of testbed.hosts) context.facts.set(host.name, exampleFacts(host, { routes: routes[host.name] ?? shared }));
    return podNetworkOf('cluster1', context);
  };

  it('is by routes on one network, through an overlay when one host is elsewhere, and as the testbed file says', () => {
    expect(found({})).toBe('routes');
    expect(found({ 'worker-2': alone })).toBe('vxlan');
    expect(found({}, 'vxlan')).toBe('vxlan');
    expect(found({ 'worker-2': alone }, 'routes')).toBe('routes');
    // Of another cluster: none of its business.
    expect(found({ management: alone })).toBe('routes');
  });

  it('goes by the closest route', () => {
    expect(isOnLink({ routes: shared }, '10.77.0.9')).toBe(true);
    expect(
      isOnLink({ routes: [...shared, { destination: '10.77.0.9/32', device: 'tun0', via: '10.77.0.3' }] }, '10.77.0.9'),
    ).toBe(false);
    expect(isOnLink({ routes: shared }, '10.78.0.9')).toBe(false);
    expect(isOnLink({ routes: [] }, '10.77.0.9')).toBe(false);
  });
});
