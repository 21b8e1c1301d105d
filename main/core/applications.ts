import { z } from 'zod';
import { type ApplicationStatus, replySchema } from '../../agents/bus/messages.ts';
import { deployRequestSchema, removeRequestSchema } from '../../agents/bus/requests.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import { ContractError } from '../contract/contract.ts';
import type { RequestPayload } from './link/link.ts';
import type { Live } from './live.ts';

/** Applications answer with their state each 5 s. */
const hearMs = 6000;

/** States of the applications. Right after the link has opened, waits until each can have been heard. @throws what opening it throws */
export async function listApplications(live: Live): Promise<ApplicationStatus[]> {
  const hold = await live.hold();
  try {
    const until = (live.listeningSince ?? Date.now()) + hearMs;
    while (live.state.applications().length === 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
    return live.state.applications();
  } finally {
    hold.close();
  }
}

/** Hands a description to the continuum agent. @throws ContractError refused, with what the agent said; LinkError */
export async function deployApplication(live: Live, description: string): Promise<{ application: string }> {
  const value = await ask(live, 'deploy', deployRequestSchema.parse({ description }));
  return z.object({ application: z.string() }).parse(value);
}

/** @throws ContractError refused; LinkError */
export async function removeApplication(live: Live, application: string): Promise<void> {
  await ask(live, 'remove', removeRequestSchema.parse({ application }));
}

async function ask(live: Live, verb: 'deploy' | 'remove', payload: RequestPayload): Promise<unknown> {
  const link = await live.link();
  const reply = replySchema.parse(await link.request(subjects.request('continuum', verb), payload));
  if (reply.ok) return reply.value;
  throw new ContractError('refused', `The continuum agent refused: ${reply.error}`);
}
