import { z } from 'zod';
import type { Reply } from './bus/messages.ts';

/** An answer that says what went wrong instead of staying silent. */
export async function replying(work: () => Promise<Extract<Reply, { ok: true }>['value']>): Promise<Reply> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (error instanceof z.ZodError) return { ok: false, error: z.prettifyError(error).replaceAll('\n', ' ') };
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}
