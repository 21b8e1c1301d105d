import type { KeyboardInteractiveAuthMethod, Prompt } from 'ssh2';
import type { AskSecret, SecretMemory, SecretRequest } from './secrets.ts';
import type { SshTarget } from './target.ts';

/** What was said in one keyboard-interactive attempt. */
export interface Conversation {
  /** The host asked something. */
  asked: boolean;
  /** The last thing it asked that nobody answered. */
  unanswered: string | null;
  /** The password that was given in it. */
  password: string | null;
}

/** A host's own words may hold anything: one line, without what a terminal would act upon. */
export const asPrompt = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
    .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim()
    .slice(0, 300);

/** What a prompt wants. Hosts only send words; PAM's own and those of the usual one-time-code modules are known. */
export function kindOf({ prompt, echo }: Prompt): SecretRequest['kind'] {
  if (/one[- ]?time|verification|passcode|\botp\b|\btotp\b|token|\bcode\b|authenticator|yubikey|\bduo\b|\bpin\b/i.test(prompt))
    return 'one-time-code';
  // A password that is to be changed is not the one that is kept.
  if (/password/i.test(prompt) && !/new|retype|change/i.test(prompt) && echo !== true) return 'password';
  return 'keyboard-interactive';
}

/** One attempt: each of the host's prompts goes to the person in its own words; a password that is known is given once. */
export function interactiveMethod(
  target: SshTarget,
  how: { ask: AskSecret; memory: SecretMemory; passwordKey: string; attempt: number; onError: (error: unknown) => void },
): { method: KeyboardInteractiveAuthMethod; conversation: Conversation } {
  const conversation: Conversation = { asked: false, unanswered: null, password: null };
  const answer = async (prompts: Prompt[], title: string): Promise<string[]> => {
    const answers: string[] = [];
    for (const prompt of prompts) {
      conversation.asked = true;
      const kind = kindOf(prompt);
      const ask = (attempt: number) =>
        how.ask({
          kind,
          host: target.name,
          jumpHost: target.jumpHost,
          user: target.user,
          prompt: [asPrompt(title), asPrompt(prompt.prompt)].filter((text) => text !== '').join(' ') || 'The host asks:',
          echo: prompt.echo ?? false,
          attempt,
        });
      // Asked twice in one attempt, it is another one.
      const keep = kind === 'password' && conversation.password === null;
      const given = keep ? await how.memory.need(how.passwordKey, ask) : await ask(how.attempt);
      if (given === null) conversation.unanswered = asPrompt(prompt.prompt);
      else if (keep) conversation.password = given;
      answers.push(given ?? '');
      if (given === null) break;
    }
    return answers;
  };
  return {
    conversation,
    method: {
      type: 'keyboard-interactive',
      username: target.user,
      prompt: (name, instructions, _language, prompts, finish) => {
        answer(prompts, [name, instructions].join(' ')).then((answers) => {
          if (conversation.unanswered === null) finish(answers);
          else how.onError(conversation);
        }, how.onError);
      },
    },
  };
}
