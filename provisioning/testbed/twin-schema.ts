import { z } from 'zod';
import { twinServiceSchema } from './twin-services.ts';

const groupName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,55}[a-z0-9])?$/, 'a name is lower-case letters, digits and "-", at most 57');
const pointSchema = z.tuple([z.number(), z.number()]);
const position = pointSchema.describe('Where it is: metres east and north of the middle.');
const share = z.number().min(0).max(1);
const seconds = z.number().positive();

const linkSchema = z
  .strictObject({
    latencyMs: z.number().min(0).default(0.2).describe('One way.'),
    megabitsPerSecond: z.number().positive().default(1000).describe('What it carries.'),
    loss: z.number().min(0).lt(1).default(0).describe('Share of packets that are lost and sent again.'),
  })
  .prefault({});

/** What the framework's experiments measured: power, operating points and how much slower programs are at them. */
export const processorSchema = z.enum(['Xeon E3-1220', 'X-Gene2', 'X-Gene3']);

/** Hosts of a twin that are alike: `count` of them. */
export const twinNodesSchema = z.strictObject({
  name: groupName.describe('Of the node; with a count, of the group, whose nodes are called name-1, name-2 and so on.'),
  count: z.number().int().min(1).max(10_000).default(1).describe('How many of them there are.'),
  role: z.enum(['management', 'master', 'worker']).default('worker').describe('As that of a host.'),
  cluster: groupName.default('cluster1').describe('Cluster it belongs to; "management" for the management node.'),
  continuumLayer: z
    .enum(['cloud', 'edge_infrastructure', 'edge', 'far_edge'])
    .optional()
    .describe('As descriptions know it. Default: cloud of the management node, edge_infrastructure of masters, edge of workers.'),
  labels: z.record(z.string(), z.string()).default({}).describe('Labels of its Kubernetes node.'),
  processor: processorSchema
    .default('Xeon E3-1220')
    .describe('Gives power, frequencies and architecture: amd64 of the Xeon, arm64 of the others.'),
  cores: z.number().int().min(1).max(256).default(4).describe('Of its processor.'),
  frequencyGHz: z
    .number()
    .positive()
    .max(10)
    .optional()
    .describe(
      'Highest frequency. Default: that of the processor, with its measured operating points; another one goes down to 0.4 of it.',
    ),
  memoryGiB: z.number().positive().max(4096).default(6).describe('Memory.'),
  background: share.default(0.05).describe('Share of it that its own services use.'),
  microphone: z
    .boolean()
    .default(false)
    .describe('Whether it tells sound_level_db: of who passes by its cameras, and of what else is to be heard.'),
  gateway: groupName.optional().describe('Gateway that it hangs on. Default: the switch in the middle.'),
  link: linkSchema.describe('To its gateway, or to the switch in the middle; of a node that moves, close to a gateway.'),
  position: position.optional(),
  spreadM: z.number().min(0).default(0).describe('Nodes of a group lie by chance within this distance of the position.'),
  moves: z
    .strictObject({
      metresPerSecond: z.number().positive().max(350).describe('While it does not rest.'),
      from: pointSchema.describe('A corner of the area it moves in.'),
      to: pointSchema.describe('The opposite corner.'),
      restS: z.number().min(0).default(10).describe('It rests so long wherever it arrives.'),
    })
    .optional()
    .describe('It goes from place to place, and takes the nearest gateway; its link gets worse with distance.'),
  battery: z
    .strictObject({
      wattHours: z.number().positive().describe('What it holds.'),
      charge: share.default(1).describe('At the beginning.'),
    })
    .optional()
    .describe('It goes off when this is empty, unless it is on the grid.'),
  solarW: z.number().min(0).optional().describe('What its panel gives in 1,000 W/m² of sun.'),
  grid: z.boolean().optional().describe('Whether it takes from the grid what it lacks. Default: only without a battery.'),
});
export type TwinNodes = z.infer<typeof twinNodesSchema>;

export const twinGatewaySchema = z.strictObject({
  name: groupName.describe('What nodes call it by.'),
  position: position.optional(),
  radiusM: z.number().positive().default(500).describe('How far its radio reaches, where it has a position.'),
  link: linkSchema.describe('To the switch in the middle.'),
});

export const faultKindSchema = z.enum(['crash', 'cut', 'slow', 'misbehave']);
const faultKind = faultKindSchema.describe(
  'crash: the node is off; cut: its link carries nothing; slow: it works at a part of its speed; misbehave: something takes its processors, and its link loses packets.',
);

export const twinFailuresSchema = z
  .strictObject({
    planned: z
      .array(
        z.strictObject({
          kind: faultKind,
          node: z.string().describe('Its name.'),
          afterS: z.number().min(0).describe('Since the start.'),
          forS: seconds.describe('Until it heals by itself.'),
          speed: share.gt(0).default(0.3).describe('Of a slow node: the part of its speed that is left.'),
          steals: share.default(0.8).describe('Of one that misbehaves: the part of its processors that is taken.'),
          loses: z.number().min(0).lt(1).default(0.1).describe('Of one that misbehaves: the share of packets lost.'),
        }),
      )
      .default([])
      .describe('On schedule.'),
    random: z
      .array(
        z.strictObject({
          kind: faultKind,
          nodes: z.array(z.string()).min(1).describe('Nodes, or groups of them: each fails by itself.'),
          everyS: seconds.describe('Mean time from the end of one to the next.'),
          forS: seconds.describe('Mean time of one.'),
        }),
      )
      .default([])
      .describe('By chance, the same for the same seed.'),
  })
  .prefault({});

/** What is simulated, for kind "twin": without it, the framework's testbed of four. */
export const twinSchema = z.strictObject({
  seed: z.number().int().default(1).describe('Same seed, same scenario.'),
  speed: z.number().min(1).max(1000).default(1).describe('Twin seconds per real second, at first.'),
  startsAt: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('What the sun and the grid go by when the twin starts, e.g. 2026-06-21T06:00:00Z. Default: the real time.'),
  place: z
    .strictObject({
      latitude: z.number().min(-90).max(90).describe('North is positive.'),
      longitude: z.number().min(-180).max(180).describe('East is positive.'),
    })
    .default({ latitude: 50, longitude: 8 })
    .describe('Where on earth it is, in degrees: for the sun.'),
  nodes: z
    .array(twinNodesSchema)
    .min(1)
    .describe('A management node, and a master for each cluster, are added where there is none.'),
  gateways: z.array(twinGatewaySchema).default([]).describe('What nodes hang on between them and the switch in the middle.'),
  failures: twinFailuresSchema.describe('What goes wrong.'),
  services: z
    .array(twinServiceSchema)
    .default([])
    .describe(
      'What components of applications do. Without it, the smart camera does what was measured of it, and others use half of what they ask for.',
    ),
});
export type TwinSection = z.infer<typeof twinSchema>;
