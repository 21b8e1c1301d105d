import { z } from 'zod';
import { twinClockSchema, twinControlSchema } from '../../provisioning/twin/protocol.ts';
import { call, stream } from './define.ts';

/** What can be done with a simulated testbed that runs, and with no other: "not-a-twin" for those, "not-up" while it does not run. */
export const twinsContract = {
  /** Pauses, resumes, sets the speed (1–1,000 × real time), the people in view, or whether a node is up. Answers with the twin's time after it. */
  'twins.control': call(z.object({ testbed: z.string(), control: twinControlSchema }), twinClockSchema),
  /** The twin's time: now, after every control, and each second while it is watched. Ends when the twin does. */
  'twins.clock': stream(z.object({ testbed: z.string() }), twinClockSchema),
};
