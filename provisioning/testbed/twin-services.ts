import { z } from 'zod';

const ms = z.number().min(0);
const componentName = z.string().min(1);

/** What a component's metric tells: see toldKinds of the simulation. */
const toldSchema = z
  .enum(['items', 'served', 'lost', 'latency', 'stay', 'itemStay'])
  .describe(
    'items: in each request; served, lost: requests since the start; latency: from the making of a request to its end, ms; stay: the part of it in this component; itemStay: that for one item.',
  );

/** What one component of an application does, for the simulation. Times are those on an idle node at 1.8 GHz. */
export const twinServiceSchema = z.strictObject({
  application: componentName.describe('Name of the application.'),
  component: componentName.describe('Name of the component.'),
  serviceMs: ms.optional().describe('Processor time of each request, at 1.8 GHz.'),
  perItemMs: ms.optional().describe('Processor time of each item (a person, a weed) in a request, at 1.8 GHz.'),
  fixedMs: ms.optional().describe("Time of each request whatever the node is like: a sensor's exposure, a copy."),
  steadyCores: z.number().min(0).optional().describe('What it uses beside its requests, cores.'),
  threads: z.number().int().min(1).max(1024).optional().describe('Requests that it serves at once. Default: 1.'),
  queueLimit: z.number().int().min(0).max(1_000_000).optional().describe('Requests that may wait; others are lost. Default: 0.'),
  boundness: z
    .enum(['memory', 'hybrid', 'compute'])
    .optional()
    .describe('What it waits for: how much a lower frequency slows it down. Default: it is as fast as the clock.'),
  makes: z.number().positive().optional().describe('Requests a second that it makes of itself.'),
  deviceW: z.number().min(0).max(1000).optional().describe('What its device draws while it works, as a camera does, W.'),
  items: z
    .strictObject({
      mean: z.number().min(0).max(10_000).describe('How many there are on the mean.'),
      stayS: z.number().positive().describe('How long each stays, on the mean.'),
      now: z.number().int().min(0).optional().describe('How many there are at first. Default: the mean.'),
    })
    .optional()
    .describe('Items in each request of its application, which come and go by chance.'),
  sendsTo: z
    .array(
      z.strictObject({
        component: componentName.describe('Component of the same application that has a service here, too.'),
        requests: z.number().positive().optional().describe('For each one served. Default: 1.'),
        bytes: z.number().min(0).optional().describe('Of each request.'),
        bytesPerItem: z.number().min(0).optional().describe('Of each item in it.'),
      }),
    )
    .default([])
    .describe('Whom it sends requests to.'),
  tells: z
    .record(z.string().regex(/^[a-z][a-z0-9_]{0,99}$/, 'a metric is lower-case letters, digits and "_"'), toldSchema)
    .default({})
    .describe('Its own metrics by name, and what each of them tells.'),
});
export type TwinService = z.infer<typeof twinServiceSchema>;
