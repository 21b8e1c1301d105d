import { z } from 'zod';
import { endpoint } from '../endpoint.ts';

export const manageEndpoints = {
  'manage.ping': endpoint({
    method: 'GET',
    path: '/manage/ping',
    group: 'manage',
    role: 'viewer',
    summary: 'Is the API there, and whom does the token make you?',
    answer: z.object({ status: z.literal('ok') }),
  }),
} as const;
