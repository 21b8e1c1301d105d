/** A graphics processor whose frequency can be held. Frequencies in MHz. */
export interface Gpu {
  /** "card0", "GPU-…": stays over restarts. */
  id: string;
  name: string;
  lowestMHz: number;
  highestMHz: number;
  /** Empty where any frequency between the two is taken. */
  availableMHz: number[];
  /** Now; null where it cannot be read, as of a processor that rests. */
  currentMHz: number | null;
  /** What it is held between; null where the driver does not tell and nothing was set by us. */
  held: { leastMHz: number; mostMHz: number } | null;
}

/** Frequencies of a host's graphics processors. */
export interface GpuClocks {
  /** Empty where there are none. @throws Error when they cannot be looked at */
  look(): Promise<Gpu[]>;
  /** Holds one between two frequencies; null gives back what was before the first time. Gives what takes this back. @throws Error */
  hold(id: string, between: { leastMHz: number; mostMHz: number } | null): Promise<() => Promise<void>>;
}
