/** IPv4 address as a number; NaN when it is none. */
const asNumber = (address: string): number => {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) return Number.NaN;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
};

/** First and last address of an IPv4 CIDR; null when it is none. */
export function cidrRange(cidr: string): [number, number] | null {
  const [address = '', length = ''] = cidr.split('/');
  const bits = Number(length);
  const base = asNumber(address);
  if (Number.isNaN(base) || length === '' || !Number.isInteger(bits) || bits < 0 || bits > 32) return null;
  const size = 2 ** (32 - bits);
  const first = Math.floor(base / size) * size;
  return [first, first + size - 1];
}

export function cidrContains(cidr: string, address: string): boolean {
  const range = cidrRange(cidr);
  const number = asNumber(address);
  return range !== null && number >= range[0] && number <= range[1];
}

export function cidrsOverlap(one: string, other: string): boolean {
  const a = cidrRange(one);
  const b = cidrRange(other);
  return a !== null && b !== null && a[0] <= b[1] && b[0] <= a[1];
}
