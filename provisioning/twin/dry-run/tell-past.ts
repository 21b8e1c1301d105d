import type { Bus } from '../../../agents/bus/bus.ts';
import { type Sample, telemetrySchema } from '../../../agents/bus/messages.ts';
import { subjects } from '../../../agents/bus/subjects.ts';
import type { Present } from './present.ts';

/** Has the cluster's agent hear once more what its nodes told of late, as it stood in the testbed. */
export async function tellPast({ cluster, past, takenAt }: Present, bus: Bus): Promise<void> {
  const messages = new Map<string, { node: string; time: number; samples: Sample[] }>();
  for (const { metric, node, application, component, peer, source, times, values } of past)
    for (const [index, time] of times.entries()) {
      if (time > takenAt) continue;
      const key = `${time} ${node}`;
      const message = messages.get(key) ?? { node, time, samples: [] };
      messages.set(key, message);
      message.samples.push({
        metric,
        value: values[index]!,
        ...(application !== undefined && { application }),
        ...(component !== undefined && { component }),
        ...(peer !== undefined && { peer }),
        source,
      });
    }
  for (const { node, time, samples } of [...messages.values()].sort((a, b) => a.time - b.time))
    await bus.publish(subjects.telemetry(cluster, node), telemetrySchema, {
      agent: `node-${node}`,
      cluster,
      node,
      time,
      samples,
    });
}
