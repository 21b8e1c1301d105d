import { text } from 'node:stream/consumers';
import { requestSchema } from './requests.ts';
import { placesOf } from './state.ts';
import { carryOut, isRoot } from './verbs.ts';

/**
 * The only part of local hosts that has root. Reads one request (JSON) from stdin, answers in JSON lines on stdout.
 * Its verbs are fixed and every value of a request passes a schema: nothing that a caller says becomes a command.
 */
const say = (answer: unknown) => process.stdout.write(`${JSON.stringify(answer)}\n`);

// A caller that went away does not stop what is half done: hosts are made, or removed, to the end.
process.stdout.on('error', () => {});

async function main(): Promise<number> {
  const parsed = requestSchema.safeParse(JSON.parse(await text(process.stdin)));
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    say({ type: 'failed', message: `not a request for local hosts: ${issues.join('; ')}` });
    return 2;
  }
  if (!isRoot()) {
    say({ type: 'failed', message: 'local hosts need root' });
    return 3;
  }
  process.umask(0o022);
  const value = await carryOut(parsed.data, {
    places: placesOf(process.env),
    progress: (progress) => say({ type: 'progress', text: progress }),
  });
  say({ type: 'done', value });
  return 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    say({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  },
);
