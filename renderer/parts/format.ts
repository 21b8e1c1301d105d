import { texts } from '../texts/texts.ts'; /** Numbers, times and names as people read them. A value that is not known is "–", never invented. */
export const unknown = '–';

/** At most three significant digits, a real minus sign, no exponent. */
export function formatNumber(value: number | null | undefined, fractionDigits?: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return unknown;
  const magnitude = Math.abs(value);
  const digits =
    fractionDigits ?? (magnitude >= 100 || Number.isInteger(value) ? 0 : magnitude >= 10 ? 1 : magnitude >= 0.1 ? 2 : 3);
  const text = magnitude.toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** Scores and margins: two digits and a sign. */
export function formatSigned(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return unknown;
  const text = formatNumber(value, 2);
  return value > 0 && text !== '0.00' ? `+${text}` : text;
}

export interface Quantity {
  text: string;
  unit: string;
}

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Scales a value of a unit as the bus and the records write it ("ratio", "bytes", "bytes/s", "ms", "W"…). */
export function quantity(value: number | null | undefined, unit: string): Quantity {
  if (value === null || value === undefined || !Number.isFinite(value)) return { text: unknown, unit: '' };
  switch (unit) {
    case 'ratio':
      return { text: formatNumber(value * 100, 0), unit: '%' };
    case 'bytes':
    case 'B': {
      const power = value === 0 ? 0 : Math.min(byteUnits.length - 1, Math.max(0, Math.floor(Math.log2(Math.abs(value)) / 10)));
      const scaled = value / 1024 ** power;
      return { text: formatNumber(scaled, Math.abs(scaled) >= 100 || power === 0 ? 0 : 1), unit: byteUnits[power] ?? 'B' };
    }
    case 'bytes/s':
    case 'bytes_per_second':
      return { text: formatNumber((value * 8) / 1e6), unit: 'Mbit/s' };
    case 'cores':
      return { text: formatNumber(value), unit: value === 1 ? 'core' : 'cores' };
    case 'people': {
      // Means and medians of readings need not be whole; people are.
      const whole = Math.round(value);
      return { text: formatNumber(whole), unit: whole === 1 ? 'person' : 'people' };
    }
    case '1':
    case 'count':
      return { text: formatNumber(value), unit: '' };
    case 'W':
      if (Math.abs(value) >= 10_000) return { text: formatNumber(value / 1000), unit: 'kW' };
      return { text: formatNumber(value, Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 1 : 2), unit };
    case 'ms':
      return { text: formatNumber(value, Math.abs(value) >= 10 || Number.isInteger(value) ? 0 : 1), unit: 'ms' };
    default:
      return { text: formatNumber(value), unit };
  }
}

export function formatQuantity(value: number | null | undefined, unit: string): string {
  const { text, unit: shown } = quantity(value, unit);
  return shown ? `${text} ${shown}` : text;
}

/** "43 ± 4 ms"; the deviation is left out when the prediction is exact. */
export function formatPrediction(value: number, deviation: number, unit: string): string {
  const centre = quantity(value, unit);
  const spread = deviation > 0 ? ` ± ${quantity(deviation, unit).text}` : '';
  return `${centre.text}${spread}${centre.unit ? ` ${centre.unit}` : ''}`;
}

/** Unit of a metric by its suffix, as OpenMetrics names have it. */
export function metricUnit(metric: string): string {
  if (metric === 'people_in_view') return 'people';
  const suffixes: [RegExp, string][] = [
    [/_bytes_per_second$/, 'bytes/s'],
    [/_bytes$/, 'bytes'],
    [/_ratio$/, 'ratio'],
    [/_cores$/, 'cores'],
    [/_ms$/, 'ms'],
    [/_seconds?$/, 's'],
    [/_ghz$/, 'GHz'],
    [/_g_per_kwh$/, 'g/kWh'],
    [/_w$/, 'W'],
    [/_j$/, 'J'],
  ];
  return suffixes.find(([pattern]) => pattern.test(metric))?.[1] ?? '';
}

const metricTitles: Record<string, string> = {
  cpu_used_ratio: texts.parts.cpu,
  memory_used_bytes: texts.parts.memory,
  memory_total_bytes: texts.parts.memoryTotal,
  load_1m: texts.parts.load1Min,
  network_receive_bytes_per_second: texts.parts.networkReceived,
  network_transmit_bytes_per_second: texts.parts.networkSent,
  power_w: texts.parts.power,
  component_cpu_cores: texts.parts.cpuOfComponent,
  component_memory_bytes: texts.parts.memoryOfComponent,
  cpu_frequency_ghz: texts.parts.cpuFrequency,
  frame_classify_latency_ms: texts.parts.latency,
  frame_round_trip_ms: texts.parts.roundTrip,
  person_classify_latency_ms: texts.parts.latencyPer,
  people_in_view: texts.parts.peopleInView,
  cpu_cores: texts.parts.cores,
  cpu_frequency_max_ghz: texts.parts.cpuFrequencyHighest,
  grid_power_w: texts.parts.powerFromThe,
  carbon_intensity_g_per_kwh: texts.parts.carbonIntensity,
  trust_level: texts.parts.trust0To1,
  link_round_trip_ms: texts.parts.linkRoundTrip,
  link_loss_ratio: texts.parts.linkLoss,
  link_throughput_bytes_per_second: texts.parts.linkThroughput,
  frames_total: texts.parts.frames,
};

/** Title of a metric; an unknown one is its name in words, without the unit. */
export function metricTitle(metric: string): string {
  const known = metricTitles[metric];
  if (known) return known;
  const words = metric.replace(/_(ms|w|ghz|ratio|bytes|seconds|total)$/, '').replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "0.1 s", "9.8 s", "48 s", "1 min 12 s", "2 h 5 min". */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return unknown;
  if (ms < 50) return `${formatNumber(ms, ms < 10 && !Number.isInteger(ms) ? 1 : 0)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 20 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (hours > 0) return minutes > 0 ? texts.parts.hMin(hours, minutes) : `${hours} h`;
  return whole % 60 > 0 ? texts.parts.minS(minutes, whole % 60) : `${minutes} min`;
}

/** "0.4 s ago", "14 s ago", "3 min ago", "2 h ago", "5 d ago". */
export function formatAge(ms: number): string {
  if (!Number.isFinite(ms)) return unknown;
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s ago`;
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

const pad = (value: number, length = 2) => String(value).padStart(length, '0');

/** Of all clocks: the reader's own, or UTC. Set by the settings, as the locale of a language would be. */
let zone: 'local' | 'utc' = 'local';
export const showClocksIn = (wanted: 'local' | 'utc'): void => {
  zone = wanted;
};

/** Wall clock in the reader's time zone, or in UTC where that is wanted: "14:32:08", or "14:32". */
export function formatClock(time: number, precision: 'minute' | 'second' | 'millisecond' = 'second'): string {
  const date = new Date(time);
  const hours = zone === 'utc' ? date.getUTCHours() : date.getHours();
  // Some zones are half an hour off.
  const minutes = `${pad(hours)}:${pad(zone === 'utc' ? date.getUTCMinutes() : date.getMinutes())}`;
  if (precision === 'minute') return minutes;
  const seconds = `${minutes}:${pad(date.getSeconds())}`;
  return precision === 'second' ? seconds : `${seconds}.${pad(date.getMilliseconds(), 3)}`;
}

/** "a", "a and b", "a, b and c". */
export function listNames(names: readonly string[]): string {
  if (names.length < 2) return names[0] ?? '';
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
