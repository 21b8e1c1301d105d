import { open } from 'node:fs/promises';
import { recordingLineSchema } from './loop/recording.ts';
import { type Replay, replay } from './loop/replay.ts';
import type { Json } from './mechanisms/mechanism.ts';
import { expectingPlacements } from './policies/expecting.ts';
import { clusterPolicies, continuumPolicies, nodePolicies } from './policies/shipped.ts';

/**
 * Decides what an agent has recorded again, by the shipped policies of its layer: see `replay`.
 * @param settings other settings for policies, by name; null leaves one out
 * @throws Error naming the line that is not one of a recording; NodeJS.ErrnoException when the file cannot be read; z.ZodError when settings do not fit
 */
export async function replayFile(path: string, settings: Record<string, Record<string, Json> | null> = {}): Promise<Replay> {
  const layer = await layerOf(path);
  const known = { continuum: continuumPolicies, cluster: clusterPolicies, node: nodePolicies }[layer].map(({ name }) => name);
  const unknown = Object.keys(settings).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`no policy "${unknown}" comes with the ${layer} agent; known: ${known.join(', ')}`);
  const lines = linesOf(path);
  if (layer === 'continuum') return replay(lines, { factories: continuumPolicies, settings });
  if (layer === 'node') return replay(lines, { factories: nodePolicies, settings });
  return replay(lines, { factories: clusterPolicies, expecting: expectingPlacements, settings });
}

async function layerOf(path: string) {
  for await (const line of linesOf(path)) {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      break;
    }
    const begin = recordingLineSchema.safeParse(json);
    if (begin.data?.kind === 'begin') return begin.data.agent.layer;
    break;
  }
  throw new Error(`${path} is not a recording of an agent's decisions`);
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const file = await open(path);
  try {
    yield* file.readLines();
  } finally {
    await file.close();
  }
}
