/** Colours of a terminal, none where they are not wanted (NO_COLOR, https://no-color.org) or not understood. */
export interface Style {
  good(text: string): string;
  bad(text: string): string;
  attention(text: string): string;
  quiet(text: string): string;
  strong(text: string): string;
}

const paint = (code: number, on: boolean) => (text: string) => (on ? `\u001b[${code}m${text}\u001b[0m` : text);

export const style = (on: boolean): Style => ({
  good: paint(32, on),
  bad: paint(31, on),
  attention: paint(33, on),
  quiet: paint(2, on),
  strong: paint(1, on),
});

export const wantsColour = (stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean =>
  stream.isTTY === true && (env.NO_COLOR === undefined || env.NO_COLOR === '') && env.TERM !== 'dumb';

/** As wide as it is seen, at most: longer text ends with "…". Without colours in it. */
export const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
