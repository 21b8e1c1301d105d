import { expect, test } from 'vitest';
import { kernelSettings, parseProcessorList } from '../../agents/host/linux/settings.ts';
import { ManualClock } from '../../agents/manual-clock.ts';
import { CpuFrequencyMechanism } from '../../agents/mechanisms/cpu-frequency.ts';
import { type Mechanism, MechanismError, type Step } from '../../agents/mechanisms/mechanism.ts';
import { PowerCapMechanism } from '../../agents/mechanisms/power-cap.ts';
import { applyAll } from '../../agents/mechanisms/steps.ts';
import { exampleSysfs, SysfsDouble } from '../doubles/sysfs/sysfs.ts';

const clock = new ManualClock();
const apply = (mechanism: Mechanism, command: unknown, report: (steps: Step[]) => void = () => {}) =>
  applyAll([{ mechanism, command }], { planId: 'p', clock, report });

test('a frequency is held by lowest and highest, in the order that the kernel takes, and reset gives back what was', async () => {
  const sysfs = exampleSysfs();
  const mechanism = new CpuFrequencyMechanism(sysfs);
  expect(mechanism.options()).toMatchObject([
    {
      cpus: [0, 1],
      min: 8e8,
      max: 3.6e9,
      frequencies: [3.6e9, 2.4e9, 1.8e9, 8e8],
      governors: ['ondemand', 'performance', 'powersave'],
    },
    { cpus: [2, 3] },
  ]);
  expect(mechanism.touches({ command: 'set', cpu: '3', frequency: 'min' })).toEqual(['cpufreq/policy2']);
  await apply(mechanism, { command: 'set', cpu: '0,1', frequency: 'min' });
  expect(mechanism.state()).toMatchObject([
    { min_hz: 8e8, max_hz: 8e8 },
    { min_hz: 8e8, max_hz: 3.6e9 },
  ]);
  // Upwards the highest must give way first.
  await apply(mechanism, { command: 'set', cpu: 'all', frequency: '2300000000 Hz', governor: 'performance' });
  expect(sysfs.written.slice(-6)).toEqual([
    'policy0/scaling_governor=performance',
    'policy0/scaling_max_freq=2400000',
    'policy0/scaling_min_freq=2400000',
    'policy2/scaling_governor=performance',
    'policy2/scaling_min_freq=2400000',
    'policy2/scaling_max_freq=2400000',
  ]);
  await apply(mechanism, { command: 'reset' });
  expect(sysfs.files).toEqual(exampleSysfs().files);
});

test('a domain that refuses has those before it put back', async () => {
  const sysfs = exampleSysfs();
  sysfs.locked.add('/sys/devices/system/cpu/cpufreq/policy2/scaling_max_freq');
  let steps: Step[] = [];
  const mechanism = new CpuFrequencyMechanism(sysfs);
  const done = apply(mechanism, { command: 'set', cpu: 'all', frequency: 'min' }, (told) => {
    steps = told;
  });
  await expect(done).rejects.toThrow('the kernel has set 800000–3600000 kHz, ondemand instead of 800000–800000 kHz');
  expect(steps.map(({ title, error }) => [title, error !== undefined])).toEqual([
    ['Set processors 0, 1', false],
    ['Set processors 2, 3', true],
    ['Put processors 0, 1 back', false],
  ]);
  expect(sysfs.files).toEqual(exampleSysfs().files);
});

test.each([
  [{ command: 'set', cpu: 'all', frequency: 9e9 }, /9000 MHz is not between 800 and 3600 MHz/],
  [{ command: 'set', cpu: 'all', governor: 'turbo' }, /no governor "turbo"; there are ondemand, performance, powersave/],
  [{ command: 'set', cpu: '7', frequency: 'min' }, /no processor 7/],
  [{ command: 'set', cpu: 'x', frequency: 'min' }, /"x" is no list of processors/],
])('%j is refused', async (command, message) => {
  const sysfs = exampleSysfs();
  await expect(apply(new CpuFrequencyMechanism(sysfs), command)).rejects.toThrow(message);
  expect(sysfs.written).toEqual([]);
});

test('power is capped per package, within what it can take, and a firmware lock shows', async () => {
  const sysfs = exampleSysfs();
  const mechanism = new PowerCapMechanism(sysfs);
  expect(mechanism.options()).toEqual([{ zone: 'intel-rapl:0', name: 'package-0', max_watts: 95 }]);
  await apply(mechanism, { command: 'set', watts: 40 });
  expect(mechanism.state()).toEqual([{ zone: 'intel-rapl:0', name: 'package-0', watts: 40 }]);
  await expect(apply(mechanism, { command: 'set', watts: 120 })).rejects.toThrow('120 W is above the 95 W of package-0');
  await apply(mechanism, { command: 'reset' });
  expect(mechanism.state()).toMatchObject([{ watts: 65 }]);
  sysfs.locked.add('/sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw');
  await expect(apply(mechanism, { command: 'set', watts: 40 })).rejects.toThrow('package-0 stays at 65 W');
});

test('what a kernel lacks is said, not seemingly done', async () => {
  for (const mechanism of [new CpuFrequencyMechanism(new SysfsDouble({})), new PowerCapMechanism(new SysfsDouble({}))]) {
    expect(mechanism.options()).toEqual({ absent: mechanism.absent });
    expect(mechanism.state()).toEqual([]);
    const command = mechanism.name === 'powerCap' ? { command: 'set', watts: 5 } : { command: 'set', frequency: 'min' };
    await expect(apply(mechanism, command)).rejects.toThrow(MechanismError);
  }
});

test("the kernel's own files are never created", () => {
  expect(() => kernelSettings('/proc/self/no-such-root').write('/x', '1')).toThrow(/ENOENT/);
  expect(kernelSettings('/proc/self/no-such-root').list('/')).toEqual([]);
  expect(['0-2,5', '3', '', '2-1', 'a', '0-99999'].map(parseProcessorList)).toEqual([
    [0, 1, 2, 5],
    [3],
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
