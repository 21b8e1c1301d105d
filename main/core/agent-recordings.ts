import type { z } from 'zod';
import { recordAnswerSchema, recordingAnswerSchema, recordingsAnswerSchema } from '../../agents/bus/administration.ts';
import { replySchema } from '../../agents/bus/messages.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import { ContractError, type EventOf, type ParsedInputOf } from '../contract/contract.ts';
import type { RequestPayload } from './link/link.ts';
import type { Live } from './live.ts';

/** @throws ContractError refused; LinkError */
export function recordDecisions(live: Live, { agent, seconds }: ParsedInputOf<'decisions.record'>) {
  return ask(live, agent, 'record', { seconds }, recordAnswerSchema);
}

/** @throws ContractError refused; LinkError */
export function decisionRecordings(live: Live, { agent }: ParsedInputOf<'decisions.recordings'>) {
  return ask(live, agent, 'recordings', {}, recordingsAnswerSchema);
}

/** Passes a recording on from where it is, a piece at a time. @throws ContractError refused; LinkError */
export async function passRecording(
  live: Live,
  { agent, name }: ParsedInputOf<'decisions.recording'>,
  emit: (piece: EventOf<'decisions.recording'>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  for (let offset: number | null = 0; offset !== null && !signal.aborted; ) {
    const part: z.infer<typeof recordingAnswerSchema> = await ask(
      live,
      agent,
      'recording',
      { name, offset },
      recordingAnswerSchema,
    );
    await emit({ data: part.base64 });
    offset = part.next;
  }
}

async function ask<A extends z.ZodType>(
  live: Live,
  agent: string,
  verb: string,
  payload: RequestPayload,
  answer: A,
): Promise<z.output<A>> {
  const hold = await live.hold();
  try {
    const link = await live.link();
    const reply = replySchema.parse(await link.request(subjects.request(agent, verb), payload));
    if (reply.ok) return answer.parse(reply.value);
    throw new ContractError('refused', `${agent} refused: ${reply.error}`);
  } finally {
    hold.close();
  }
}
