import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import {
  changeAnswerSchema,
  policyDetailSchema,
  policyListSchema,
  policyTrialSchema,
  setModeAnswerSchema,
} from '../../agents/bus/administration.ts';
import { replySchema } from '../../agents/bus/messages.ts';
import { modelsAnswerSchema } from '../../agents/bus/models.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import { ContractError, type Handlers, type OutputOf } from '../contract/contract.ts';
import { LinkError, type RequestPayload } from './link/link.ts';
import type { Live } from './live.ts';

/** What agents are asked about their policies, and about what these have learnt. `liveOf` is the testbed that is up. @throws ContractError not-up */
export function policyHandlers(
  liveOf: (testbed: string) => Promise<Live>,
  assetsFolder: string,
): Pick<Handlers, Exclude<Extract<keyof Handlers, `policies.${string}`>, 'policies.dryRun'> | 'models.list'> {
  const ask = async <S extends z.ZodType>(
    { testbed, agent }: { testbed: string; agent: string },
    verb: string,
    payload: RequestPayload,
    answer: S,
  ): Promise<z.output<S>> => {
    const link = await (await liveOf(testbed)).link();
    let said: unknown;
    try {
      said = await link.request(subjects.request(agent, verb), payload);
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      throw new ContractError('no-answer', `${agent} does not answer: ${error.message}`, 'Look at its log, or try it again.');
    }
    const reply = replySchema.parse(said);
    if (!reply.ok) throw new ContractError('refused', reply.error);
    return answer.parse(reply.value);
  };
  return {
    'policies.list': (input) => ask(input, 'policy-list', {}, policyListSchema),
    'policies.read': ({ name, ...input }) => ask(input, 'policy-read', { name }, policyDetailSchema),
    'policies.try': ({ policy, ...input }) => ask(input, 'policy-try', policy, policyTrialSchema),
    'policies.set': ({ policy, ...input }) => ask(input, 'set-policy', policy, changeAnswerSchema),
    'policies.delete': ({ name, ...input }) => ask(input, 'delete-policy', { name }, changeAnswerSchema),
    'policies.setMode': ({ mode, ...input }) => ask(input, 'set-mode', { mode }, setModeAnswerSchema),
    'models.list': (input) => ask(input, 'models', {}, modelsAnswerSchema),
    'policies.templates': () => policyTemplates(assetsFolder),
  };
}

/** The policy files that the app brings along. */
async function policyTemplates(assetsFolder: string): Promise<OutputOf<'policies.templates'>> {
  const folder = join(assetsFolder, 'policies');
  const names = (await readdir(folder)).filter((name) => /^policy-[\w-]+\.(ts|py)$/.test(name)).sort();
  return Promise.all(
    names.map(async (file) => ({
      name: file.replace(/^policy-/, '').replace(/\.(ts|py)$/, ''),
      language: file.endsWith('.ts') ? ('typescript' as const) : ('python' as const),
      content: await readFile(join(folder, file), 'utf8'),
    })),
  );
}
