import { z } from 'zod';
import type { Host, Testbed } from '../../testbed/schema.ts';

/** A connection that the testbed will need from one host to another. */
export interface Way {
  from: string;
  to: string;
  /** IPv4 address or name by which `from` will reach `to`. */
  address: string;
  port: number;
  protocol: 'tcp' | 'udp';
  purpose: string;
  /** Ways with the same one stand in for each other: one of them is enough. */
  either?: string;
}

export const wayAnswerSchema = z.object({
  from: z.string(),
  to: z.string(),
  address: z.string(),
  port: z.number().int(),
  protocol: z.enum(['tcp', 'udp']),
  purpose: z.string(),
  either: z.string().optional(),
  /** silent: no answer in time; refused: though something listened there; unreachable: no route, or forbidden on the way; untried: see `detail`. */
  answer: z.enum(['open', 'silent', 'refused', 'unreachable', 'untried']),
  /** The system's own word, e.g. "No route to host". */
  detail: z.string().optional(),
});
export type WayAnswer = z.infer<typeof wayAnswerSchema>;

/** The matrix host × host × port, as far as the plan will use it. */
export const reachabilitySchema = z.object({ ways: z.array(wayAnswerSchema) });
export type Reachability = z.infer<typeof reachabilitySchema>;

/** Who must reach whom, and where. Two hosts that are one machine (same address) reach each other. */
export function waysOf(testbed: Testbed, addressOf: (host: Host) => string): Way[] {
  const management = testbed.hosts.find((host) => host.role === 'management');
  const ways: Way[] = [];
  const add = (from: Host, to: Host, port: number, purpose: string, more: Partial<Way> = {}) => {
    const address = addressOf(to);
    if (from !== to && address !== addressOf(from))
      ways.push({ from: from.name, to: to.name, address, port, protocol: 'tcp', purpose, ...more });
  };
  for (const cluster of new Set(testbed.hosts.map((host) => host.cluster))) {
    const hosts = testbed.hosts.filter((host) => host.cluster === cluster);
    const workers = hosts.filter((host) => host.role === 'worker');
    for (const controlPlane of hosts.filter((host) => host.role !== 'worker')) {
      for (const worker of workers) {
        add(worker, controlPlane, 6443, 'the Kubernetes API');
        add(worker, controlPlane, 4222, 'the message bus');
        add(controlPlane, worker, 10250, 'kubelet, for logs and commands in pods');
      }
      if (management === undefined || controlPlane === management) continue;
      add(controlPlane, management, 7422, "the message bus' hub");
      // Karmada reaches a member, or the member reaches Karmada.
      const either = `join-${cluster}`;
      add(management, controlPlane, 6443, "the member's Kubernetes API, for Karmada", { either });
      add(controlPlane, management, 32443, 'the Karmada API', { either });
    }
  }
  return ways;
}
