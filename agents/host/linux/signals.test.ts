import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { kernelFiles } from './files.ts';
import { LinuxSignals } from './signals.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mls-kernel-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Kernel files as they were seen on such hosts, with only the numbers that matter. */
async function write(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
const uid = '0a1b-2c3d';
const machine = (busy: number, idle: number) => ({
  '/proc/stat': `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 1 0 0 1\ncpu1 1 0 0 1\ncpu2 1 0 0 1\ncpu3 1 0 0 1\nintr 1\n`,
  '/proc/meminfo': 'MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    400 kB\n',
  '/proc/loadavg': '0.50 0.40 0.30 1/100 1\n',
  '/proc/net/dev': `Inter-|   Receive\n face |bytes\n    lo: 999 0 0 0 0 0 0 0 999 0\n  eth0: ${busy} 0 0 0 0 0 0 0 ${busy * 2} 0\nveth12: 77 0 0 0 0 0 0 0 77 0\n`,
});
async function readings(signals: LinuxSignals): Promise<Record<string, [number, string | undefined]>> {
  const samples = await signals.read();
  return Object.fromEntries(samples.map(({ metric, value, source }) => [metric, [value, source]]));
}

test('a whole machine: from /proc, power from RAPL where it can be read', async () => {
  let now = 0;
  const signals = new LinuxSignals({ files: kernelFiles(root), now: () => now, scrape: async () => [] });
  const rapl = '/sys/class/powercap/intel-rapl:0/energy_uj';
  await write({ ...machine(100, 100), [rapl]: '1000000', '/proc/cpuinfo': 'model name\t: Xeon\ncpu MHz\t\t: 1800.0\n' });
  const first = await readings(signals);
  expect(first.memory_used_bytes).toEqual([600 * 1024, undefined]);
  expect(first.cpu_used_ratio).toBeUndefined();
  now = 2000;
  await write({ ...machine(150, 250), [rapl]: '61000000' });
  expect(await readings(signals)).toMatchObject({
    cpu_used_ratio: [0.25, undefined],
    load_1m: [0.5, undefined],
    network_receive_bytes_per_second: [25, undefined],
    network_transmit_bytes_per_second: [50, undefined],
    power_w: [30, 'rapl'],
  });
  expect(await signals.describe()).toMatchObject({ cpuModel: 'Xeon', cores: 4, frequencyGHz: [1.8], memoryBytes: 1_024_000 });
  now = 3000;
  await write(machine(50, 10));
  expect((await readings(signals)).cpu_used_ratio).toBeUndefined();
});

test('a local host on cgroup v1: from its own cgroup, not the machine around it; pods by uid', async () => {
  let now = 0;
  const signals = new LinuxSignals({
    files: kernelFiles(root),
    now: () => now,
    scrape: async () => [{ metric: 'people_in_view', value: 3, application: 'app', component: 'camera' }],
  });
  signals.track([{ application: 'app', component: 'camera', podUid: uid }]);
  const pod = (name: string, controller: string) => `/sys/fs/cgroup/${controller}/kubepods/burstable/pod${uid}/${name}`;
  const at = (seconds: number) => ({
    ...machine(now + 1, 1),
    '/sys/fs/cgroup/cpuacct/cpuacct.usage': String(seconds * 1e9),
    [pod('cpuacct.usage', 'cpuacct')]: String(seconds * 0.5e9),
  });
  await write({
    '/run/systemd/container': 'systemd-nspawn\n',
    '/proc/1/cgroup': '4:memory:/init.scope\n2:cpuacct:/\n1:name=systemd:/init.scope\n0::/\n',
    '/proc/self/mountinfo':
      '33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n',
    '/sys/fs/cgroup/memory/memory.usage_in_bytes': '500000',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
    '/sys/fs/cgroup/memory/memory.stat': 'cache 1\ntotal_inactive_file 100000\n',
    [pod('memory.usage_in_bytes', 'memory')]: '4096',
    '/sys/class/powercap/intel-rapl:0/energy_uj': '1',
    ...at(10),
  });
  await signals.read();
  now = 1000;
  await write(at(12));
  const read = await readings(signals);
  // 2 s of processor time in 1 s, on 4 processors; the machine itself was fully busy.
  expect(read).toMatchObject({
    cpu_used_ratio: [0.5, 'cgroup'],
    memory_used_bytes: [400_000, 'cgroup'],
    memory_total_bytes: [1_024_000, 'cgroup'],
    load_1m: [0.5, 'machine'],
    component_cpu_cores: [1, undefined],
    component_memory_bytes: [4096, undefined],
    people_in_view: [3, undefined],
  });
  expect(read.power_w).toBeUndefined();
});

test('a local host on cgroup v2, with a quota; pods as the systemd driver names them', async () => {
  let now = 0;
  const signals = new LinuxSignals({
    files: kernelFiles(root),
    now: () => now,
    scrape: () => Promise.reject(new Error('refused')),
  });
  signals.track([{ application: 'app', component: 'camera', podUid: uid }]);
  const host = '/sys/fs/cgroup/machine/w1';
  const pod = `${host}/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`;
  const at = (seconds: number) => ({
    ...machine(1, 1),
    [`${host}/cpu.stat`]: `usage_usec ${seconds * 1e6}\nuser_usec 1\n`,
    [`${pod}/cpu.stat`]: `usage_usec ${seconds * 1e5}\n`,
  });
  await write({
    '/run/systemd/container': 'systemd-nspawn\n',
    '/proc/1/cgroup': '0::/machine/w1/init.scope\n',
    '/proc/self/mountinfo': '31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n',
    [`${host}/cpu.max`]: '200000 100000\n',
    [`${host}/memory.current`]: '300000',
    [`${host}/memory.max`]: '500000',
    [`${pod}/memory.current`]: '2048',
    ...at(1),
  });
  await signals.read();
  now = 1000;
  await write(at(2));
  expect(await readings(signals)).toMatchObject({
    cpu_used_ratio: [0.5, 'cgroup'],
    memory_total_bytes: [500_000, 'cgroup'],
    component_cpu_cores: [expect.closeTo(0.1, 9), undefined],
    component_memory_bytes: [2048, undefined],
  });
  expect((await signals.describe()).cores).toBe(2);
});

test('a whole machine in full: modes, frequency, pressure, disks, drops, temperature; a model says that it is one', async () => {
  let now = 0;
  const signals = new LinuxSignals({ files: kernelFiles(root), now: () => now, scrape: async () => [] });
  const disks = (sectors: number, busyMs: number) =>
    ['sda', 'sda1', 'loop0', 'dm-0'].map((name) => `8 0 ${name} 9 9 ${sectors} 9 9 9 ${sectors * 2} 9 0 ${busyMs} 9\n`).join('');
  const at = (seconds: number) => ({
    '/proc/stat': `cpu  ${seconds * 100} 0 ${seconds * 50} ${seconds * 200} ${seconds * 40} 0 0 ${seconds * 10} 0 0\ncpu0 1 0 0 1\nintr 1\n`,
    '/proc/pressure/io': `some avg10=9.00 avg60=0.00 avg300=0.00 total=${seconds * 250_000}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`,
    '/proc/diskstats': disks(seconds * 2, seconds * 500),
    '/proc/net/dev': ` eth0: 0 0 0 ${seconds * 3} 0 0 0 0 0 0 0 ${seconds} 0\n`,
  });
  await write({
    '/proc/cpuinfo': 'model name\t: Intel(R) Xeon(R) CPU E3-1220 v6 @ 3.00GHz\n',
    '/proc/meminfo': 'MemTotal: 1000 kB\nMemAvailable: 400 kB\nSwapTotal: 100 kB\nSwapFree: 90 kB\n',
    '/sys/block/sda/size': '1',
    '/sys/block/loop0/size': '1',
    '/sys/block/dm-0/size': '1',
    '/sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq': '2000000\n',
    '/sys/devices/system/cpu/cpufreq/policy1/scaling_cur_freq': '3000000\n',
    '/sys/class/thermal/thermal_zone0/type': 'acpitz\n',
    '/sys/class/thermal/thermal_zone0/temp': '99000\n',
    '/sys/class/hwmon/hwmon0/name': 'coretemp\n',
    '/sys/class/hwmon/hwmon0/temp1_input': '61500\n',
    '/sys/class/hwmon/hwmon0/temp2_input': '255000\n',
    ...at(1),
  });
  await signals.read();
  now = 1000;
  await write(at(2));
  const watts = 18.98 * 0.4 * 0.922 ** 2 * 2.5 + 34.01;
  expect(await readings(signals)).toEqual({
    cpu_used_ratio: [0.4, undefined],
    cpu_user_ratio: [0.25, undefined],
    cpu_nice_ratio: [0, undefined],
    cpu_system_ratio: [0.125, undefined],
    cpu_irq_ratio: [0, undefined],
    cpu_steal_ratio: [0.025, undefined],
    cpu_iowait_ratio: [0.1, undefined],
    cpu_idle_ratio: [0.5, undefined],
    cpu_frequency_ghz: [2.5, undefined],
    memory_used_bytes: [600 * 1024, undefined],
    memory_total_bytes: [1000 * 1024, undefined],
    swap_used_bytes: [10 * 1024, undefined],
    pressure_io_ratio: [0.25, undefined],
    disk_read_bytes_per_second: [1024, undefined],
    disk_write_bytes_per_second: [2048, undefined],
    disk_busy_ratio: [0.5, undefined],
    network_receive_bytes_per_second: [0, undefined],
    network_transmit_bytes_per_second: [0, undefined],
    network_dropped_packets_per_second: [4, undefined],
    temperature_celsius: [61.5, undefined],
    power_w: [watts, 'model'],
    energy_j: [watts, 'model'],
  });
});

test('energy is counted over the end of its counter; where neither counter nor model is, no power is told', async () => {
  let now = 0;
  const signals = new LinuxSignals({ files: kernelFiles(root), now: () => now, scrape: async () => [] });
  const rapl = (file: string) => `/sys/class/powercap/intel-rapl:0/${file}`;
  await write({
    [rapl('name')]: 'package-0\n',
    [rapl('max_energy_range_uj')]: '100000000',
    [rapl('energy_uj')]: '90000000',
    '/sys/class/powercap/intel-rapl:1/name': 'psys\n',
    '/sys/class/powercap/intel-rapl:1/energy_uj': '1',
  });
  await signals.read();
  now = 2000;
  await write({ [rapl('energy_uj')]: '10000000' });
  expect(await readings(signals)).toEqual({ power_w: [10, 'rapl'], energy_j: [20, 'rapl'] });

  // A meter of the whole machine knows more than the counters of its processor.
  await write({ '/sys/class/hwmon/hwmon3/name': 'power_meter\n', '/sys/class/hwmon/hwmon3/power1_average': '95000000\n' });
  const metered = new LinuxSignals({ files: kernelFiles(root), now: () => now, scrape: async () => [] });
  await metered.read();
  now = 2500;
  expect(await readings(metered)).toEqual({ power_w: [95, 'power_meter'], energy_j: [47.5, 'power_meter'] });

  const other = new LinuxSignals({ files: kernelFiles(join(root, 'nothing')), now: () => now, scrape: async () => [] });
  await other.read();
  now = 3000;
  expect(await other.read()).toEqual([]);
});

test('the charge of the batteries that are the host’s own', async () => {
  const signals = new LinuxSignals({ files: kernelFiles(root), now: () => 0, scrape: async () => [] });
  const supply = (name: string, files: Record<string, string>) =>
    Object.fromEntries(Object.entries(files).map(([file, text]) => [`/sys/class/power_supply/${name}/${file}`, `${text}\n`]));
  await write({
    ...supply('AC', { type: 'Mains', online: '1' }),
    ...supply('BAT0', { type: 'Battery', energy_full: '60000000', energy_now: '15000000', capacity: '25' }),
    ...supply('BAT1', { type: 'Battery', scope: 'System', energy_full: '20000000', energy_now: '20000000' }),
    ...supply('mouse', { type: 'Battery', scope: 'Device', capacity: '3' }),
  });
  expect(await readings(signals)).toEqual({ battery_charge_ratio: [35 / 80, undefined] });
});

test.each(['v1', 'v2'] as const)(
  'what a component is held back by, and what it reads and writes, on cgroup %s',
  async (version) => {
    let now = 0;
    const signals = new LinuxSignals({ files: kernelFiles(root), now: () => now, scrape: async () => [] });
    signals.track([{ application: 'app', component: 'camera', podUid: uid }]);
    const cgroups = '/sys/fs/cgroup';
    const pod = `kubepods/pod${uid}`;
    const at = (s: number): Record<string, string> =>
      version === 'v1'
        ? {
            [`${cgroups}/cpuacct/${pod}/cpuacct.usage`]: String(s * 1e9),
            [`${cgroups}/cpu/${pod}/cpu.stat`]: `nr_periods ${s * 10}\nnr_throttled ${s * 4}\nthrottled_time 1\n`,
            [`${cgroups}/blkio/${pod}/blkio.throttle.io_service_bytes_recursive`]: `8:0 Read ${s * 100}\n8:0 Write ${s * 10}\n8:16 Read ${s * 50}\nTotal 1\n`,
            [`${cgroups}/memory/${pod}/memory.usage_in_bytes`]: '4096',
            [`${cgroups}/memory/${pod}/memory.limit_in_bytes`]: '9223372036854771712',
          }
        : {
            [`${cgroups}/${pod}/cpu.stat`]: `usage_usec ${s * 1e6}\nuser_usec 1\nnr_periods ${s * 10}\nnr_throttled ${s * 4}\n`,
            [`${cgroups}/${pod}/io.stat`]: `8:0 rbytes=${s * 100} wbytes=${s * 10} rios=1\n8:16 rbytes=${s * 50} wbytes=0 rios=1\n`,
            [`${cgroups}/${pod}/memory.current`]: '4096',
            [`${cgroups}/${pod}/memory.max`]: 'max',
          };
    await write({
      '/proc/1/cgroup': version === 'v1' ? '4:memory:/\n3:blkio:/\n2:cpuacct:/\n1:cpu:/\n' : '0::/init.scope\n',
      '/proc/self/mountinfo':
        version === 'v1'
          ? ['cpuacct', 'cpu', 'blkio', 'memory']
              .map((name) => `3 3 0:3 / ${cgroups}/${name} rw - cgroup cgroup rw,${name}`)
              .join('\n')
          : `3 3 0:3 / ${cgroups} rw - cgroup2 cgroup2 rw`,
      ...at(1),
    });
    await signals.read();
    now = 2000;
    await write(at(3));
    expect(await readings(signals)).toEqual({
      component_cpu_cores: [1, undefined],
      component_cpu_throttled_ratio: [0.4, undefined],
      component_memory_bytes: [4096, undefined],
      component_disk_read_bytes_per_second: [150, undefined],
      component_disk_write_bytes_per_second: [10, undefined],
    });
  },
);
