import { expect, test } from 'vitest';
import { TrafficControl } from '../../agents/host/linux/traffic-control.ts';
import type { TrackedComponent } from '../../agents/host/signals.ts';
import { ManualClock } from '../../agents/manual-clock.ts';
import { applyAll } from '../../agents/mechanisms/steps.ts';
import { TrafficShapingMechanism } from '../../agents/mechanisms/traffic-shaping.ts';
import { NetworkProgramsDouble } from '../doubles/programs/network-programs.ts';

const clock = new ManualClock();
const camera: TrackedComponent = {
  application: 'camera',
  component: 'detector',
  podUid: 'u',
  podIp: '10.244.1.7',
  permittedActions: ['*'],
};

function make(components: TrackedComponent[] = [camera]) {
  const kernel = new NetworkProgramsDouble(['lo', 'eth0', 'wlan0']);
  const mechanism = new TrafficShapingMechanism({ shaping: new TrafficControl(kernel), components: () => components, clock });
  const apply = (...commands: unknown[]) =>
    applyAll(
      commands.map((command) => ({ mechanism, command })),
      { planId: 'p', clock, report: () => {} },
    );
  return { kernel, mechanism, apply };
}

test('rate, delay and loss are set in units of tc, and read back from it', async () => {
  const { kernel, mechanism, apply } = make();
  await apply({ command: 'set', interface: 'wlan0', rate_bits_per_second: 50e6, delay_ms: 500, loss: 0.005 });
  // A queue that holds what is under way: 50 Mbit/s of 500 ms, twice.
  expect(kernel.changes).toEqual([
    'tc qdisc replace dev wlan0 root handle 4d4c: netem limit 4129 delay 500000us loss 0.5% rate 50000000bit',
  ]);
  expect(mechanism.state()).toContainEqual({ interface: 'wlan0', rate_bits_per_second: 50e6, delay_ms: 500, loss: 0.005 });
  // From netem to tbf: another kind needs another handle.
  await apply({ command: 'set', interface: 'wlan0', rate_bits_per_second: 2e6 });
  expect(kernel.roots.get('wlan0')).toEqual({
    kind: 'tbf',
    handle: '4d4d:',
    options: { rate: 250_000, burst: 15_140, lat: 50_000 },
  });
  expect(mechanism.options()).toMatchObject({
    interfaces: ['lo', 'eth0', 'wlan0'],
    interface: { rate: { min_bits_per_second: 64_000 }, delay: { max_ms: 5000 }, loss: { max: 0.5 } },
    transmit: { delay: { absent: expect.stringContaining('cannot be delayed') } },
  });
  // A later command that fails gives back what this plan has changed, and what was shaped before it.
  const commands = [
    { command: 'reset', interface: 'wlan0' },
    { command: 'set', ...target, loss: 0.1 },
    { command: 'set', interface: 'none', loss: 0.1 },
  ];
  await expect(apply(...commands)).rejects.toThrow('there is no interface none; there are lo, eth0, wlan0');
  expect(mechanism.state()).toContainEqual({ interface: 'wlan0', rate_bits_per_second: 2e6, delay_ms: null, loss: null });
  expect(kernel.tables.size).toBe(0);
  expect([...kernel.roots.keys()]).toEqual(['lo', 'eth0', 'wlan0']);
});

const target = { application: 'camera', component: 'detector' };

test('what a kernel lacks is absent by kind, and loss is then left to nft', async () => {
  const { kernel, mechanism, apply } = make();
  kernel.lacks.add('netem');
  await apply({ command: 'set', interface: 'eth0', rate_bits_per_second: 1e6, loss: 0.25 });
  expect(kernel.roots.get('eth0')?.kind).toBe('tbf');
  expect(kernel.tables.get('to_interfaces')).toEqual([{ chain: 'to_interfaces', comment: 'eth0 0 0.25' }]);
  expect(mechanism.state()).toContainEqual({ interface: 'eth0', rate_bits_per_second: 1e6, delay_ms: null, loss: 0.25 });
  expect(mechanism.options()).toMatchObject({
    interface: { delay: { absent: expect.stringContaining('Specified qdisc kind is unknown') } },
  });
  const changes = [...kernel.changes];
  await expect(apply({ command: 'set', interface: 'eth0', delay_ms: 5 })).rejects.toThrow(/delay cannot be set here: no netem/);
  await expect(apply({ command: 'set', ...target, direction: 'receive', loss: 0.1 })).rejects.toThrow(
    /loss cannot be set here: no netem/,
  );
  expect(kernel.changes).toEqual(changes);
});

test('a host without the programs has it absent', async () => {
  const { kernel, mechanism, apply } = make();
  for (const program of ['tc', 'nft', 'ip', 'bridge']) kernel.missing.add(program);
  await expect(apply({ command: 'set', interface: 'eth0', loss: 0.1 })).rejects.toThrow('is not installed');
  mechanism.options();
  await expect.poll(() => mechanism.options()).toEqual({ absent: expect.stringContaining('is not installed') });
  expect(mechanism.state()).toEqual([]);
});

test.each([
  [{ command: 'set', interface: 'eth0; reboot', loss: 0.1 }, /there is no interface eth0; reboot/],
  [{ command: 'set', interface: '-all', loss: 0.1 }, /there is no interface -all/],
  [{ command: 'set', interface: 'eth0', loss: 1 }, /loss/],
  [{ command: 'set', interface: 'eth0', rate_bits_per_second: 1 }, /rate_bits_per_second/],
  [{ command: 'set', interface: 'eth0' }, /give a rate, delay or loss/],
  [{ command: 'set', interface: 'eth0', application: 'camera', component: 'detector', loss: 0.1 }, /give an interface/],
  [{ command: 'set', ...target, component: 'classifier', loss: 0.1 }, /does not run on this node/],
  [null, /Invalid/],
])('%j is refused', async (command, message) => {
  const { kernel, apply } = make();
  await expect(apply(command)).rejects.toThrow(message);
  expect(kernel.changes).toEqual([]);
});

test('a pod that is told with a hostile address, or of an application that permits nothing, is refused', async () => {
  const cases: [TrackedComponent, RegExp][] = [
    [{ ...camera, podIp: '1.2.3.4 drop; flush ruleset' }, /is no address/],
    [{ ...camera, permittedActions: ['component_relocation'] }, /camera does not permit traffic_redirection/],
  ];
  for (const [component, message] of cases) {
    const { kernel, apply } = make([component]);
    await expect(apply({ command: 'set', ...target, loss: 0.1 })).rejects.toThrow(message);
    expect(kernel.changes).toEqual([]);
  }
});
