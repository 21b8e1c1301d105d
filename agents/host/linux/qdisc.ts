import { z } from 'zod';
import type { Shape } from '../shaping.ts';

/** One queueing discipline of `tc -j qdisc show`. Rates in bytes/s, times in s, losses as shares: so tc writes them in JSON. */
const qdiscSchema = z.object({
  kind: z.string(),
  /** "0:" where the kernel has chosen it by itself. */
  handle: z.string(),
  dev: z.string().optional(),
  root: z.boolean().optional(),
  options: z
    .object({
      // netem has an object here, tbf a number.
      rate: z
        .union([z.number(), z.object({ rate: z.number() })])
        .optional()
        .catch(undefined),
      delay: z.object({ delay: z.number() }).optional().catch(undefined),
      'loss-random': z.object({ loss: z.number() }).optional().catch(undefined),
    })
    .optional(),
});
export type Qdisc = z.infer<typeof qdiscSchema>;

/** The root of each interface, from `tc -j qdisc show`. @throws z.ZodError, SyntaxError */
export function rootQdiscs(text: string): Map<string, Qdisc> {
  const all = z.array(qdiscSchema).parse(JSON.parse(text.trim() || '[]'));
  return new Map(all.flatMap((one) => (one.root && one.dev !== undefined ? [[one.dev, one] as const] : [])));
}

/** "ML", "MM" as hexadecimal: none that tc gives out by itself (8000 and above), and unlikely to be chosen by hand. Two, for a change of kind needs another. */
const handles = ['4d4c:', '4d4d:'] as const;
/** Of the first that is set on an interface. */
export const firstHandle = handles[0];

export const isOurs = ({ handle }: Qdisc): boolean => (handles as readonly string[]).includes(handle);
/** Set by somebody: neither us nor the kernel by itself. */
export const isForeign = (qdisc: Qdisc): boolean => qdisc.handle !== '0:' && !isOurs(qdisc);

export function shapeOf({ options }: Qdisc): Shape {
  const bytesPerSecond = typeof options?.rate === 'object' ? options.rate.rate : options?.rate;
  const seconds = options?.delay?.delay;
  const loss = options?.['loss-random']?.loss;
  return {
    ...(bytesPerSecond && { rateBitsPerSecond: bytesPerSecond * 8 }),
    ...(seconds && { delayMs: Math.round(seconds * 1e6) / 1000 }),
    ...(loss && { lossRatio: Math.round(loss * 1e6) / 1e6 }),
  };
}

/** Of a packet on the wire, with its headers. */
const packetBytes = 1514;

/** Arguments of tc that make `shape` the root of `dev`, in place of `now`. A rate alone is held by a token bucket (tbf), anything else by netem. */
export function rootArguments(dev: string, shape: Shape, now: Pick<Qdisc, 'handle'> | undefined): string[] {
  const handle = handles.find((one) => one !== now?.handle) ?? handles[0];
  const root = ['qdisc', 'replace', 'dev', dev, 'root', 'handle', handle];
  const { rateBitsPerSecond: rate, delayMs, lossRatio } = shape;
  if (rate !== undefined && delayMs === undefined && lossRatio === undefined)
    return [...root, 'tbf', 'rate', `${Math.round(rate)}bit`, 'burst', `${burstBytes(rate)}b`, 'latency', '50ms'];
  // What is under way must fit, or it is lost without having been asked for: twice what the rate carries in the delay.
  const underWay = (((rate ?? 1e9) / 8) * (delayMs ?? 0) * 2) / 1000 / packetBytes;
  return [
    ...[...root, 'netem', 'limit', String(Math.max(1000, Math.ceil(underWay)))],
    ...(delayMs === undefined ? [] : ['delay', `${Math.round(delayMs * 1000)}us`]),
    ...(lossRatio === undefined ? [] : ['loss', `${Number((lossRatio * 100).toFixed(4))}%`]),
    ...(rate === undefined ? [] : ['rate', `${Math.round(rate)}bit`]),
  ];
}

/** What a token bucket passes at once: 10 ms of the rate, for a kernel's timer ticks every 1 to 10 ms, and no less than ten packets. */
export const burstBytes = (rateBitsPerSecond: number): number =>
  Math.max(10 * packetBytes, Math.round((rateBitsPerSecond / 8) * 0.01));
