/** How traffic is held back. What is absent is as it would be anyway. */
export interface Shape {
  rateBitsPerSecond?: number | undefined;
  delayMs?: number | undefined;
  /** Share of the packets, 0–1. */
  lossRatio?: number | undefined;
}
export type ShapeKind = 'rate' | 'delay' | 'loss';

/** What leaves the host by an interface; what a pod sends; what a pod gets. */
export type ShapedTraffic = { interface: string } | { podIp: string; direction: 'transmit' | 'receive' };

export interface ShapingView {
  /** Why nothing can be shaped here, in words. */
  absent?: string | undefined;
  /** What can be shaped of each kind of traffic, and why what cannot. */
  lacks: { interface: Lacks; transmit: Lacks; receive: Lacks };
  interfaces: {
    name: string;
    shape: Shape /** Somebody else's queueing discipline, which is left alone. */;
    foreign?: string | undefined;
  }[];
  pods: { podIp: string; direction: 'transmit' | 'receive'; shape: Shape }[];
}
export type Lacks = { [kind in ShapeKind]?: string };

/** Shaping of a host's traffic. On Linux by tc and nft; the twin has its own over its simulation. */
export interface Shaping {
  /** What there is now. `podIps` are those of the components that run here. */
  look(podIps: string[]): Promise<ShapingView>;
  /** Shapes; an empty shape takes ours away. Gives what puts it back. Nothing has changed when it throws. @throws Error */
  write(traffic: ShapedTraffic, shape: Shape): Promise<() => Promise<void>>;
}
