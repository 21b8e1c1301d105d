import { z } from 'zod';

/** What the native menu, a deep link or a notification ask of the page; posted to it by the preload, checked by the page. */
export const windowCommandSchema = z.discriminatedUnion('command', [
  z.object({
    command: z.literal('go'),
    page: z.string().regex(/^[a-z]{1,32}$/),
    testbed: z.string().max(100).nullable(),
  }),
  z.object({ command: z.literal('palette') }),
  z.object({ command: z.literal('theme') }),
  z.object({ command: z.literal('start-twin') }),
  z.object({ command: z.literal('open-recording') }),
  z.object({ command: z.literal('save-recording') }),
  z.object({ command: z.literal('new-terminal') }),
  /** Something the window itself wants to have told, e.g. that an update is ready. */
  z.object({ command: z.literal('tell'), text: z.string().max(500) }),
]);
export type WindowCommand = z.infer<typeof windowCommandSchema>;

export const deepLinkScheme = 'mlsysops';
const linkSchema = z.object({
  protocol: z.literal(`${deepLinkScheme}:`),
  host: z.literal('testbed'),
  username: z.literal(''),
  password: z.literal(''),
  port: z.literal(''),
  path: z
    .array(z.string())
    .min(1)
    .max(2)
    .transform(([testbed, page = 'topology']) => ({ testbed, page }))
    .pipe(
      z.object({ testbed: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/), page: z.string().regex(/^[a-z]{1,32}$/) }),
    ),
});

/** `mlsysops://testbed/NAME` and `mlsysops://testbed/NAME/PAGE`; null for anything else. A link shows something: it never does anything. */
export function parseDeepLink(text: string): WindowCommand | null {
  if (text.length > 500 || !URL.canParse(text)) return null;
  const { protocol, host, username, password, port, pathname } = new URL(text);
  const parsed = linkSchema.safeParse({ protocol, host, username, password, port, path: pathname.split('/').filter(Boolean) });
  return parsed.success ? { command: 'go', ...parsed.data.path } : null;
}
