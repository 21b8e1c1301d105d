import { z } from 'zod';
import { call, stream } from './define.ts';

const portSchema = z.number().int().min(1).max(65_535);

/** Where something listens: on a host itself, or as a service of a cluster. */
export const forwardTargetSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('host'), host: z.string(), port: portSchema }),
  z.object({ kind: z.literal('service'), cluster: z.string(), namespace: z.string(), service: z.string(), port: portSchema }),
]);
export type ForwardTarget = z.infer<typeof forwardTargetSchema>;

export const listenerSchema = z.object({
  target: forwardTargetSchema,
  /** What the host or the cluster says of it: a program, the name of a port. */
  about: z.string(),
});
export type Listener = z.infer<typeof listenerSchema>;

export const forwardsContract = {
  /** What listens for TCP on the hosts of a testbed and as services of its clusters, and one sentence for each that could not be asked. */
  'forwards.list': call(
    z.object({ testbed: z.string() }),
    z.object({ listeners: z.array(listenerSchema), problems: z.array(z.string()) }),
  ),
  /** A port on this computer's loopback that leads there over SSH: told once, held open until the stream is closed. */
  'forwards.open': stream(z.object({ testbed: z.string(), target: forwardTargetSchema }), z.object({ port: portSchema })),
};
