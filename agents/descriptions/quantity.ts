const suffixes: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * A Kubernetes quantity ("500m", "128Mi", "1e3", 0.5) as a number of its base unit (cores, bytes); null when it is none.
 * kubernetes.io, Quantity: `<signedNumber><suffix>`, the suffix being binary, decimal or an exponent.
 */
export function parseQuantity(quantity: number | string): number | null {
  if (typeof quantity === 'number') return Number.isFinite(quantity) ? quantity : null;
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/.exec(quantity.trim());
  if (!match) return null;
  const [, number = '', exponent = '', suffix = ''] = match;
  return Number(number + exponent) * suffixes[suffix]!;
}
