import { describe, expect, it } from 'vitest';
import { testbedSchema } from '../../testbed/schema.ts';
import { gatewayOf, upScript } from '../network/bridge.ts';
import { parseNodeNetworks } from '../network/node-networks.ts';
import { contextDouble, exampleTestbed } from './context-double.ts';
import { addressOf, controlPlaneOf, isWithin, managementHost } from './hosts.ts';

describe('the address of a host', () => {
  const [management] = exampleTestbed().hosts;
  const withAddresses = (address: string, addresses: string[]) => {
    const testbed = exampleTestbed();
    return addressOf({ ...management!, address }, contextDouble(testbed, '/nowhere', undefined, { addresses }));
  };

  it('is the one of the testbed file when the host has it', () => {
    expect(withAddresses('10.77.0.10', ['127.0.0.1/8', '192.168.1.4/24', '10.77.0.10/24'])).toBe('10.77.0.10');
  });

  it('is its own first one behind a name or a forwarded port, never one of its pods or of loopback', () => {
    expect(withAddresses('lab.example.org', ['127.0.0.1', '10.10.0.1/24', '::1', '192.168.1.4'])).toBe('192.168.1.4');
    expect(withAddresses('127.0.0.1', ['127.0.0.1', '192.168.1.4'])).toBe('192.168.1.4');
  });

  it('is the one of the testbed file when nothing is known of the host', () => {
    expect(withAddresses('203.0.113.7', [])).toBe('203.0.113.7');
  });
});

describe('a testbed', () => {
  const without = (name: string) =>
    testbedSchema.parse({ ...exampleTestbed(), hosts: exampleTestbed().hosts.filter((host) => host.name !== name) });

  it('without a master or a management host is refused by name', () => {
    expect(() => controlPlaneOf(without('master-1'), 'cluster1')).toThrow('cluster "cluster1" has no master');
    expect(() => managementHost(without('management'))).toThrow('one management host, this one has 0');
  });
});

describe('pod networks', () => {
  it('are read as kubectl tells them; a node without one is not there yet', () => {
    expect([...parseNodeNetworks('master-1 10.12.0.0/24\nworker-1 \n\n')]).toEqual([['master-1', '10.12.0.0/24']]);
  });

  it('have their bridge at the first address, and routes that can be set again', () => {
    expect(gatewayOf('10.12.3.0/24')).toBe('10.12.3.1');
    expect(gatewayOf('10.12.3.128/25')).toBe('10.12.3.129');
    const script = upScript({
      own: '10.12.0.0/24',
      cluster: '10.12.0.0/16',
      address: '10.77.0.11',
      routes: [{ to: '10.12.1.0/24', via: '10.77.0.12' }],
    });
    expect(script).toContain('ip route replace 10.12.1.0/24 via 10.77.0.12 proto 118\n');
    expect(script.match(/-C /g)).toHaveLength(3);
    expect(isWithin('10.12.1.7', '10.12.0.0/16')).toBe(true);
    expect(isWithin('10.13.1.7', '10.12.0.0/16')).toBe(false);
    expect(isWithin('200.1.1.1', '0.0.0.0/0')).toBe(true);
  });
});
