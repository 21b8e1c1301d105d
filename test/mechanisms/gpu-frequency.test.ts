import { expect, test } from 'vitest';
import { GpuFiles } from '../../agents/host/linux/gpu-files.ts';
import { NvidiaClocks } from '../../agents/host/linux/nvidia.ts';
import { ManualClock } from '../../agents/manual-clock.ts';
import { GpuFrequencyMechanism } from '../../agents/mechanisms/gpu-frequency.ts';
import { linuxMechanisms } from '../../agents/mechanisms/linux.ts';
import { applyAll } from '../../agents/mechanisms/steps.ts';
import { NvidiaSmiDouble } from '../doubles/programs/nvidia-smi.ts';
import { SysfsDouble } from '../doubles/sysfs/sysfs.ts';

/** One processor as i915 shows it, and one of devfreq beside a memory controller. */
const gpuSysfs = () =>
  new SysfsDouble({
    ...under('/sys/class/drm/card0', {
      gt_RPn_freq_mhz: '350',
      gt_RP0_freq_mhz: '1150',
      gt_min_freq_mhz: '350',
      gt_max_freq_mhz: '1150',
      gt_act_freq_mhz: '0',
    }),
    ...under('/sys/class/devfreq/17000000.ga10b', {
      available_frequencies: '306000000 612000000 918000000',
      min_freq: '306000000',
      max_freq: '918000000',
      cur_freq: '612000000',
    }),
    ...under('/sys/class/devfreq/soc:memory', { available_frequencies: '1 2', min_freq: '1', max_freq: '2', cur_freq: '1' }),
  });
const under = (folder: string, files: Record<string, string>) =>
  Object.fromEntries(Object.entries(files).map(([name, value]) => [`${folder}/${name}`, value]));

async function setUp(sysfs = new SysfsDouble({}), smi = new NvidiaSmiDouble()) {
  const clock = new ManualClock();
  const mechanism = new GpuFrequencyMechanism({ sources: [new GpuFiles(sysfs), new NvidiaClocks(smi)], clock });
  const apply = (command: object) => applyAll([{ mechanism, command }], { planId: 'p', clock, report: () => {} });
  mechanism.options();
  await clock.advance(0);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  return { mechanism, apply, sysfs, smi };
}
const missing = () => Object.assign(new NvidiaSmiDouble(), { isInstalled: false });

test('a frequency is held in what the kernel shows of each driver, nearest to one that there is, and reset gives back what was', async () => {
  const { mechanism, apply, sysfs } = await setUp(gpuSysfs(), missing());
  expect(mechanism.options()).toEqual([
    { gpu: 'card0', name: 'card0', min: 350e6, max: 1150e6, frequencies: [] },
    { gpu: '17000000.ga10b', name: '17000000.ga10b', min: 306e6, max: 918e6, frequencies: [306e6, 612e6, 918e6] },
  ]);
  await apply({ command: 'set', frequency: 'min' });
  // Upwards the most must give way first.
  const raised = await apply({ command: 'set', frequency: 700e6 });
  expect(sysfs.written.slice(-4)).toEqual([
    'card0/gt_max_freq_mhz=700',
    'card0/gt_min_freq_mhz=700',
    '17000000.ga10b/max_freq=612000000',
    '17000000.ga10b/min_freq=612000000',
  ]);
  expect(mechanism.state()).toMatchObject([
    { gpu: 'card0', frequency_hz: null, min_hz: 700e6, max_hz: 700e6 },
    { gpu: '17000000.ga10b', frequency_hz: 612e6, min_hz: 612e6 },
  ]);
  await raised.undo();
  expect(mechanism.state()).toMatchObject([{ max_hz: 350e6 }, { max_hz: 306e6 }]);
  await apply({ command: 'reset' });
  expect(sysfs.files).toEqual(gpuSysfs().files);
});

test("NVIDIA's are held by nvidia-smi, and let go", async () => {
  const { mechanism, apply, smi } = await setUp();
  expect(mechanism.options()).toMatchObject([{ gpu: 'GPU-4d1f', name: 'NVIDIA A2', min: 300e6, max: 2100e6 }]);
  expect(mechanism.state()).toMatchObject([{ frequency_hz: 1500e6, min_hz: null }]);
  await apply({ command: 'set', gpu: 'GPU-4d1f', frequency: 1e9 });
  expect(smi.locked).toEqual([900, 900]);
  expect(mechanism.state()).toMatchObject([{ frequency_hz: 900e6, min_hz: 900e6, max_hz: 900e6 }]);
  const raised = await apply({ command: 'set', frequency: 'max' });
  await raised.undo();
  expect(smi.locked).toEqual([900, 900]);
  await apply({ command: 'reset' });
  expect(smi.ran.at(-1)).toBe('--reset-gpu-clocks');
});

test('what cannot be done is refused with the reason, and what was done before it is put back', async () => {
  const { apply, sysfs, smi } = await setUp(gpuSysfs());
  await expect(apply({ command: 'set', gpu: 'card0', frequency: 5e9 })).rejects.toThrow(
    '5000 MHz is not between 350 and 1150 MHz',
  );
  await expect(apply({ command: 'set', gpu: 'card9', frequency: 'min' })).rejects.toThrow(
    'there is no graphics processor card9; there are card0, 17000000.ga10b, GPU-4d1f',
  );
  smi.mayLock = false;
  await expect(apply({ command: 'set', frequency: 'min' })).rejects.toThrow(/GPU-4d1f refuses it: .* does not have permission/);
  expect(sysfs.files).toEqual(gpuSysfs().files);
  sysfs.locked.add('/sys/class/drm/card0/gt_max_freq_mhz');
  await expect(apply({ command: 'set', gpu: 'card0', frequency: 'min' })).rejects.toThrow('card0 refuses it: the kernel has set');
});

test('a machine without any is told as absent, and one whose description does not permit it as well', async () => {
  const { mechanism, apply } = await setUp(new SysfsDouble({}), missing());
  const reason = 'this machine has no graphics processor whose frequency can be set';
  expect(mechanism.options()).toEqual({ absent: reason });
  await expect(apply({ command: 'set', frequency: 'min' })).rejects.toThrow(reason);
  const mechanisms = (permitted_actions: ('gpu_frequency' | 'cpu_frequency')[]) =>
    linuxMechanisms({
      description: {
        continuum_layer: 'edge',
        environment: { node_type: 'native', os: 'ubuntu' },
        hardware: {},
        permitted_actions,
      },
      components: () => [],
      clock: new ManualClock(),
      root: '/proc/self/no-such-root',
      programs: missing(),
    });
  const options = (actions: ('gpu_frequency' | 'cpu_frequency')[]) =>
    mechanisms(actions)
      .find(({ name }) => name === 'gpuFrequency')
      ?.options();
  expect(options(['cpu_frequency'])).toEqual({ absent: "the node's description does not permit gpu_frequency" });
  expect(options(['gpu_frequency'])).toEqual({ absent: 'not looked at yet' });
});
