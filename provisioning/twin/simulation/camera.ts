/** The smart-camera application as a model, from the framework's measurements: latency ≈ 10 + 22 ms × people on a core at 1.8 GHz. */
export const camera = {
  /** Capture, detection and copying, at the reference frequency, ms. */
  baseMs: 10,
  /** Of the classifier for each person, at the reference frequency, ms. */
  perPersonMs: 22,
  referenceGHz: 1.8,
  framesPerSecond: 5,
  frameBytes: 160 * 120,
  /** Of one person cut out for the classifier. */
  cropBytes: 32 * 32,
  /** Standard deviation of a latency as told, which is a quantile over some frames, ms. */
  noiseMs: 0.8,
  /** Standard deviation of the logarithm of one classification's time: the classifier alone takes 21.8 ms on the median and 28.7 ms at p95. */
  spread: Math.log(28.7 / 21.8) / 1.645,
} as const;

export type CameraRole = 'camera' | 'detector' | 'classifier';

/**
 * End-to-end latency of a frame, ms, without noise.
 * @param ghz frequency of the node where the classifier runs
 * @param slowdown how much longer work takes there because of other work; 1 on an idle node
 * @param linksMs round trips and transfers between the nodes of the pipeline
 */
export const frameLatencyMs = (people: number, ghz: number, slowdown: number, linksMs: number): number =>
  camera.baseMs + ((camera.perPersonMs * people * camera.referenceGHz) / ghz) * slowdown + linksMs;

/**
 * How much longer one thread's work takes beside other work: nothing is lost while a core is free most of the time; beyond the capacity
 * everyone gets less.
 * @param othersLoad demand of all other work over the cores, may exceed 1
 * @param ownLoad own demand over the cores
 */
export function slowdown(othersLoad: number, ownLoad: number): number {
  // A busy core must be waited for now and then, more often the fuller the node is.
  const waiting = 1 + 0.5 * Math.min(othersLoad, 1) ** 2;
  return waiting * Math.max(1, othersLoad + ownLoad);
}
