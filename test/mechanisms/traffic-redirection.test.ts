import { expect, test } from 'vitest';
import { nodeSchema } from '../../agents/descriptions/node.ts';
import type { TrackedComponent } from '../../agents/host/signals.ts';
import { ManualClock } from '../../agents/manual-clock.ts';
import { applyAll } from '../../agents/mechanisms/steps.ts';
import { TrafficRedirectionMechanism } from '../../agents/mechanisms/traffic-redirection.ts';
import { RedirectionDouble } from '../doubles/redirection.ts';

const clock = new ManualClock();
const pod = (component: string, podIp: string, application = 'camera'): TrackedComponent => ({
  application,
  component,
  podUid: component,
  podIp,
  permittedActions: ['traffic_redirection'],
});
const described = (names: string[], basic = true) =>
  nodeSchema.parse({
    continuum_layer: 'edge',
    environment: { node_type: 'native', os: 'ubuntu' },
    hardware: {},
    network_resources: {
      ...(basic && { basic_interface: { name: 'ethernet', interface_name: 'eth0' } }),
      redirection_interface: names.map((name) => ({ connection_type: 'wifi', interface_name: name })),
    },
  });

function make(options: { components?: TrackedComponent[]; description?: ReturnType<typeof described> | undefined } = {}) {
  const host = new RedirectionDouble();
  let components = options.components ?? [
    pod('detector', '10.1.0.7'),
    pod('classifier', '10.1.0.8'),
    pod('shop', '10.1.0.9', 'shop'),
  ];
  const description = 'description' in options ? options.description : described(['wlan0', 'wwan0', 'wlan1', 'gone0']);
  const mechanism = new TrafficRedirectionMechanism({ redirection: host, components: () => components, description, clock });
  const apply = (...commands: unknown[]) =>
    applyAll(
      commands.map((command) => ({ mechanism, command })),
      { planId: 'p', clock, report: () => {} },
    );
  return { host, mechanism, apply, become: (now: TrackedComponent[]) => (components = now) };
}
const set = { command: 'set', application: 'camera' };

test("all of an application's components are redirected, nobody else's, and reset sends them as before", async () => {
  const { host, mechanism, apply } = make();
  await apply({ ...set, interface: 'wlan0', gateway: '198.51.100.1' });
  expect([...host.detours.keys()]).toEqual(['10.1.0.7', '10.1.0.8']);
  await apply({ ...set, component: 'detector', interface: 'wwan0', to: '203.0.113.0/24', masquerade: false });
  expect(mechanism.state()).toMatchObject([
    { component: 'detector', interface: 'wwan0', gateway: null, to: '203.0.113.0/24', masquerade: false },
    { component: 'classifier', interface: 'wlan0', gateway: '198.51.100.1', to: null, masquerade: true },
  ]);
  expect(mechanism.options()).toEqual([
    { interface: 'eth0', connection: 'ethernet', up: true, gateway: '192.0.2.1' },
    { interface: 'wlan0', connection: 'wifi', up: true, gateway: null },
    { interface: 'wwan0', connection: 'wifi', up: true, gateway: null },
    { interface: 'wlan1', connection: 'wifi', up: false, gateway: null },
    { interface: 'gone0', connection: 'wifi', absent: 'the host has no such interface' },
  ]);
  await apply({ command: 'reset', application: 'camera' });
  expect(host.detours.size).toBe(0);
});

test('a plan that fails gives each component the way it had', async () => {
  const { host, apply } = make();
  await apply({ ...set, component: 'detector', interface: 'wwan0' });
  const before = new Map(host.detours);
  const commands = [
    { ...set, interface: 'wlan0', gateway: '198.51.100.1' },
    { ...set, interface: 'wlan1' },
  ];
  await expect(apply(...commands)).rejects.toThrow('wlan1 is down');
  expect(host.detours).toEqual(before);
});

test('the way of a pod that has gone is taken away before another has its address, but not before the agent knows its pods', async () => {
  const { host, mechanism, apply, become } = make();
  await apply({ ...set, interface: 'wwan0' });
  become([]);
  await apply({ ...set, interface: 'wwan0' }).catch(() => {});
  expect(host.detours.size).toBe(2);
  become([pod('classifier', '10.1.0.8')]);
  await apply({ ...set, interface: 'wwan0' });
  expect([...host.detours.keys()]).toEqual(['10.1.0.8']);
  expect(mechanism.state()).toHaveLength(1);
});

test.each([
  [{ ...set, interface: 'docker0' }, /names no interface docker0 for applications; it names eth0, wlan0, wwan0, wlan1, gone0/],
  [{ ...set, interface: 'gone0' }, /the host has no interface gone0/],
  [{ ...set, interface: 'wlan0' }, /no default route by wlan0: give a gateway/],
  [{ ...set, interface: 'wlan0', gateway: '$(reboot)' }, /gateway/],
  [{ ...set, interface: 'wlan0', gateway: '2001:db8::1' }, /10.1.0.7, of another version than 2001:db8::1/],
  [{ ...set, interface: 'wlan0', to: '0.0.0.0/0; flush ruleset' }, /to/],
  [{ ...set, application: 'other', interface: 'wlan0', gateway: '198.51.100.1' }, /other does not run on this node/],
  ['reset', /Invalid/],
])('%j is refused', async (command, message) => {
  const { host, apply } = make();
  await expect(apply(command)).rejects.toThrow(message);
  expect(host.writes).toBe(0);
});

test('it is absent where the node is described without another interface, and refused where the application does not permit it', async () => {
  for (const description of [undefined, described([])]) {
    const { mechanism } = make({ description });
    expect(mechanism.options()).toEqual({ absent: "the node's description names no redirection_interface" });
  }
  const { host, apply } = make({ components: [{ ...pod('detector', '10.1.0.7'), permittedActions: ['acceleration'] }] });
  await expect(apply({ ...set, interface: 'wwan0' })).rejects.toThrow('camera does not permit traffic_redirection');
  expect(host.writes).toBe(0);
});
