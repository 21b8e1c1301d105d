import type { Sample } from '../../bus/messages.ts';
import type { CgroupPlace } from './cgroup.ts';
import type { KernelFiles } from './files.ts';

/** One kind of reading of a host; keeps what it needs from one call to the next, for rates. */
export interface Reader {
  /**
   * @param atMs now, on a clock that never goes back
   * @param soFar what the readers before it have read this time
   */
  read(atMs: number, soFar: readonly Sample[]): Sample[];
}

/** Where a host is read: its files and, when it is a container, its own cgroup within the machine around it. */
export interface Place {
  files: KernelFiles;
  inContainer: boolean;
  cgroup: CgroupPlace | undefined;
}

/** Where a reading comes from when it is not the plain counter of a whole machine. */
export const fromCgroup = 'cgroup';
/** In a container, what the kernel tells only of the machine around it. */
export const fromMachine = 'machine';
/** Added to readings that in a container are of the machine around it. */
export const ofMachine = ({ inContainer }: Place): { source?: string } => (inContainer ? { source: fromMachine } : {});

/** Samples of those values that are there. */
export function samplesOf(values: Record<string, number | undefined>, more: Partial<Sample> = {}): Sample[] {
  return Object.entries(values).flatMap(([metric, value]) => (value === undefined ? [] : [{ metric, value, ...more }]));
}
