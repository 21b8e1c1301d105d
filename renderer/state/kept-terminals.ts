import { z } from 'zod';
import { useTerminals } from './terminals.ts';

const key = 'mlsysops.terminals';

const keptSchema = z.object({
  sessions: z.array(
    z.object({
      id: z.string(),
      testbed: z.string().nullable(),
      host: z.string(),
      cluster: z.string().optional(),
      attempt: z.number().int().min(0),
    }),
  ),
  shown: z.array(z.string()),
  panes: z.union([z.literal(1), z.literal(2), z.literal(4)]),
});

/**
 * Keeps which tabs are open for this window alone, so that they are there again when it is loaded anew. What was to be typed into one is not kept:
 * it was, or nobody waits for it any more.
 */
export function keepTerminals(storage: Pick<Storage, 'getItem' | 'setItem'> = sessionStorage): void {
  const text = storage.getItem(key);
  const kept = text === null ? undefined : keptSchema.safeParse(parsed(text)).data;
  if (kept) useTerminals.setState({ ...kept, sessions: kept.sessions.map((session) => ({ ...session, anew: true as const })) });
  useTerminals.subscribe((state) => storage.setItem(key, JSON.stringify(keptSchema.parse(state))));
}

/** What another version, or a person, has left there and is no JSON counts as nothing. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
