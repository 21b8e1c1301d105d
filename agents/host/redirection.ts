/** A way that a pod's traffic takes in place of the one that the host would choose. */
export interface Detour {
  interface: string;
  /** Next hop; absent on a link whose other end is the next hop, or where the destination is on the link. */
  gateway?: string | undefined;
  /** Only what is for these addresses (CIDR); absent means all that leaves by a default route. */
  to?: string | undefined;
  /** Whether it leaves with the interface's own address, as it must where the next hop knows no way back to pods. */
  masquerade: boolean;
}

export interface RedirectionView {
  /** Why nothing can be redirected here, in words. */
  absent?: string | undefined;
  interfaces: {
    name: string;
    isUp: boolean /** Of the host's own default route by it. */;
    gateway?: string | undefined;
    isPointToPoint: boolean;
  }[];
  detours: { podIp: string; detour: Detour }[];
}

/** Redirection of pods' traffic between a host's interfaces. On Linux by routes and nft; the twin has its own over its simulation. */
export interface Redirection {
  look(): Promise<RedirectionView>;
  /** Sends a pod's traffic by a detour, or by none. Gives what puts it back. Nothing has changed when it throws. @throws Error */
  write(podIp: string, detour: Detour | undefined): Promise<() => Promise<void>>;
}
