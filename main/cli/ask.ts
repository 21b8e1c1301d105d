import { openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import type { ContractClient, EventOf } from '../contract/contract.ts';

/** A person at a terminal who can be asked, whatever stdin and stdout are; null where there is none. */
export interface Person {
  /** What was typed, without its newline; null when the person gave up (Ctrl-C, Ctrl-D). */
  ask(prompt: string, echo: boolean): Promise<string | null>;
  /** Ends a question that somebody else has answered. */
  giveUp(): void;
  close(): void;
}

export function personAtTerminal(): Person | null {
  let descriptor: number;
  try {
    descriptor = openSync(process.platform === 'win32' ? 'CON' : '/dev/tty', 'r+');
  } catch {
    // No terminal belongs to this process (cron, a CI job): nobody is there to be asked, and the host's refusal says so.
    return null;
  }
  const input = new ReadStream(descriptor);
  input.setEncoding('utf8').pause();
  const out = process.stderr;
  let stop: () => void = () => {};
  return {
    ask: (prompt, echo) =>
      new Promise((resolve) => {
        let typed = '';
        const end = (answer: string | null) => {
          input.off('data', take);
          input.pause();
          input.setRawMode(false);
          out.write('\n');
          stop = () => {};
          resolve(answer);
        };
        const take = (chunk: string) => {
          for (const character of chunk) {
            if (character === '\r' || character === '\n') return end(typed);
            if (character === '\u0003') {
              end(null);
              process.emit('SIGINT');
              return;
            }
            if (character === '\u0004') return end(null);
            if (character === '\u007f' || character === '\b') {
              if (echo && typed.length > 0) out.write('\b \b');
              typed = typed.slice(0, -1);
            } else if (character >= ' ') {
              typed += character;
              if (echo) out.write(character);
            }
          }
        };
        stop = () => end(null);
        // Before the question is seen: what is typed at once must not be shown either.
        input.setRawMode(true);
        input.on('data', take);
        input.resume();
        out.write(`${prompt.trimEnd()} `);
      }),
    giveUp: () => stop(),
    close() {
      stop();
      input.destroy();
    },
  };
}

/**
 * While it is open, the person at the terminal is asked for what the testbed's hosts want, one question after the other. `around` clears and
 * restores what else is on the screen. Without a terminal nobody is asked: what needs a secret fails, and says what it needed.
 */
export function answerSecrets(
  client: ContractClient,
  testbed: string,
  around: { pause(): void; resume(): void } = { pause: () => {}, resume: () => {} },
  person: Person | null = personAtTerminal(),
): { close(): void } {
  if (person === null) return { close: () => {} };
  const waiting: Extract<EventOf<'secrets.watch'>, { type: 'ask' }>[] = [];
  let asking: string | null = null;
  const next = async () => {
    const question = waiting.shift();
    if (question === undefined || asking !== null) return;
    const { id, request } = question;
    asking = id;
    around.pause();
    const secret = await person.ask(request.prompt, request.echo);
    around.resume();
    const settled = asking === null;
    asking = null;
    if (!settled) await client.call('secrets.answer', { id, secret });
    await next();
  };
  const stream = client.open('secrets.watch', { testbed }, (event) => {
    if (event.type === 'ask') {
      waiting.push(event);
      void next().catch((error: Error) => process.stderr.write(`${error.message}\n`));
      return;
    }
    const at = waiting.findIndex(({ id }) => id === event.id);
    if (at >= 0) waiting.splice(at, 1);
    if (asking === event.id) {
      asking = null;
      person.giveUp();
    }
  });
  return {
    close() {
      stream.close();
      person.close();
    },
  };
}
