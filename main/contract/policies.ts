import { z } from 'zod';
import {
  changeAnswerSchema,
  modeSchema,
  policyDetailSchema,
  policyListSchema,
  policyNameSchema,
  policyTrialSchema,
  setPolicyRequestSchema,
} from '../../agents/bus/administration.ts';
import { call } from './define.ts';

const ofAgent = z.object({ testbed: z.string(), agent: z.string().min(1) });
const ofPolicy = ofAgent.extend({ name: policyNameSchema });

/** The policies of one agent, as it tells them itself. "refused" carries what it said; "no-answer" when it does not answer. */
export const policiesContract = {
  'policies.list': call(ofAgent, policyListSchema),
  'policies.read': call(ofPolicy, policyDetailSchema),
  /** What a file, or other settings, would decide about the present situation. Nothing is carried out, nothing kept. */
  'policies.try': call(ofAgent.extend({ policy: setPolicyRequestSchema }), policyTrialSchema),
  /** Puts a file or settings live; the agent checks them first, and goes on as before when they do not fit. */
  'policies.set': call(ofAgent.extend({ policy: setPolicyRequestSchema }), changeAnswerSchema),
  /** A file is deleted; a shipped policy decides no more until it is set again. */
  'policies.delete': call(ofPolicy, changeAnswerSchema),
  /** 0 decides by heuristics, 1 by learnt models. */
  'policies.setMode': call(ofAgent.extend({ mode: modeSchema }), z.object({ mode: modeSchema, before: modeSchema })),
  /** Files to begin with, as the app brings them along. */
  'policies.templates': call(
    z.object({}),
    z.array(z.object({ name: z.string(), language: z.enum(['typescript', 'python']), content: z.string() })),
  ),
};
