import type { ChangeAnswer } from '../../../agents/bus/administration.ts';
import type { Said } from '../../../agents/northbound/ask-agents.ts';
import { style, wantsColour } from '../style.ts';

/** What is different at an agent now, as a diff in colours. */
export function diffText(agent: string, { changed, diff, takesEffect }: ChangeAnswer): string {
  const colours = style(wantsColour(process.stdout, process.env));
  if (!changed) return `${agent}: nothing changed`;
  const lines = diff
    .trimEnd()
    .split('\n')
    .map((line) => (/^\+(?!\+\+)/.test(line) ? colours.good(line) : /^-(?!--)/.test(line) ? colours.bad(line) : line));
  const when = takesEffect === 'now' ? 'from now on' : 'when it is next started';
  return [colours.strong(`${agent}: changed, ${when}`), ...lines].join('\n');
}

/** What each of several agents said to the same wish. */
export const saidText = (said: readonly Said[]): string =>
  said.map(({ agent, ok, error }) => (ok ? `  ${agent}: done` : `  ${agent}: ${error ?? 'refused'}`)).join('\n');
