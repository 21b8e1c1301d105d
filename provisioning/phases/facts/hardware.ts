import type { HardwareFacts } from './host-facts.ts';
import { asNumber, type FactLines } from './lines.ts';
import { mountsOf } from './resources.ts';

/** CPU, GPUs and where power can be measured: what a description of the node is made of. */
export const hardwareScript = `
cpu= mhz=
while IFS=: read -r name value; do
  case $name in
    'model name'*) [ -n "$cpu" ] || cpu=\${value# };;
    'cpu MHz'*) [ -n "$mhz" ] || echo "frequency-mhz \${mhz:=\${value# }}"; break;;
  esac
done </proc/cpuinfo
# Arm does not name its cores in /proc.
[ -n "$cpu" ] || ! command -v lscpu >/dev/null || cpu=$(LC_ALL=C lscpu | sed -n 's/^Model name: *//p' | head -n 1)
echo "cpu $cpu"
for policy in /sys/devices/system/cpu/cpufreq/policy*; do
  [ -d "$policy" ] || continue
  for file in cpuinfo_min_freq cpuinfo_max_freq scaling_available_frequencies; do [ ! -r "$policy/$file" ] || echo "frequency-khz $(cat "$policy/$file")"; done
done
for file in /proc/driver/nvidia/gpus/*/information; do [ ! -r "$file" ] || sed -n 's/^Model:[[:space:]]*/nvidia /p' "$file"; done
for device in /sys/bus/pci/devices/*; do
  { read -r class <"$device/class"; } 2>/dev/null || continue
  case $class in 0x03*) ;; *) continue;; esac
  read -r vendor <"$device/vendor"; read -r id <"$device/device"
  name=; ! command -v lspci >/dev/null || name=$(lspci -s "\${device##*/}" 2>/dev/null | sed 's/^[^:]*:[^:]*: *//')
  memory=-; [ ! -r "$device/mem_info_vram_total" ] || memory=$(cat "$device/mem_info_vram_total")
  echo "gpu $vendor $id $memory $name"
done
if [ -e /dev/nvhost-gpu ]; then echo "gpu tegra - - NVIDIA Tegra"; fi
for zone in /sys/class/powercap/intel-rapl:?; do
  [ ! -r "$zone/name" ] || echo "rapl $(cat "$zone/constraint_0_max_power_uw" 2>/dev/null || echo -) $(cat "$zone/name")"
done
for supply in /sys/class/power_supply/*; do
  { read -r type <"$supply/type"; } 2>/dev/null || continue
  case $type in
    Battery) echo "battery $(cat "$supply/energy_full" 2>/dev/null || echo -) \${supply##*/}";;
    Mains|USB) echo "mains $(cat "$supply/online" 2>/dev/null || echo -)";;
  esac
done
for sensor in /sys/class/hwmon/*/power*_input /sys/class/hwmon/*/power*_average; do
  [ ! -r "$sensor" ] || echo "power-sensor $(cat "\${sensor%/*}/name" 2>/dev/null)"
done
`;

/** PCI vendors whose display devices compute; the others are what a server has for its console. */
const computing: Record<string, string> = { '0x10de': 'NVIDIA', '0x1002': 'AMD', '0x8086': 'Intel' };

export function hardwareFacts(lines: FactLines): { cpuModel: string; hardware: HardwareFacts } {
  return {
    cpuModel: lines.one('cpu') || 'unknown',
    hardware: {
      frequenciesGhz: frequenciesOf(lines),
      diskBytes: mountsOf(lines).find(({ path }) => path === '/')?.sizeBytes ?? 0,
      gpus: gpusOf(lines),
      rapl: lines.all('rapl').map((line) => {
        const [microwatts, ...name] = line.split(' ');
        const most = asNumber(microwatts);
        return { name: name.join(' '), mostW: most === undefined || most === 0 ? null : most / 1e6 };
      }),
      batteries: lines.all('battery').map((line) => {
        const [microwattHours, ...name] = line.split(' ');
        const full = asNumber(microwattHours);
        return { name: name.join(' '), fullWh: full === undefined ? null : full / 1e6 };
      }),
      powerSensors: [...new Set(lines.all('power-sensor').filter((name) => name !== ''))],
      mains: lines.all('mains').length === 0 ? null : lines.all('mains').includes('1'),
    },
  };
}

function frequenciesOf(lines: FactLines): number[] {
  const khz = lines.all('frequency-khz').flatMap((line) => line.split(/\s+/).flatMap((word) => asNumber(word) ?? []));
  // Without frequency scaling there is the one that it runs at. Its last digits may change by the second, which a description must not.
  const mhz = khz.length > 0 ? [] : lines.all('frequency-mhz').flatMap((word) => asNumber(word) ?? []);
  const ghz = [...khz.map((one) => one / 1e6), ...mhz.map((one) => Math.round(one / 100) / 10)].filter(
    (one) => one > 0 && one < 100,
  );
  return [...new Set(ghz.map((one) => Math.round(one * 1000) / 1000))].sort((a, b) => a - b);
}

function gpusOf(lines: FactLines): HardwareFacts['gpus'] {
  const named = lines.all('nvidia').map((model) => ({ model, memoryBytes: null }));
  const others = lines.all('gpu').flatMap((line) => {
    const [vendor = '', id = '', memory, ...name] = line.split(' ');
    if (vendor === 'tegra') return [{ model: name.join(' '), memoryBytes: null }];
    const maker = computing[vendor];
    // NVIDIA's driver names them better.
    if (maker === undefined || (vendor === '0x10de' && named.length > 0)) return [];
    return [{ model: name.join(' ') || `${maker} ${id}`, memoryBytes: asNumber(memory) ?? null }];
  });
  return [...named, ...others];
}
