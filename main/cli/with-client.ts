import type { ContractClient } from '../contract/contract.ts';

/** Does something with the core, and makes its errors an exit code. */
export type WithClient = (use: (client: ContractClient) => Promise<number>) => Promise<void>;
/** Does something on this computer alone. */
export type Here = (use: () => Promise<number>) => Promise<void>;

/** "a,b" → ["a", "b"]; an option that is given more than once adds to it. */
export const list = (text: string, before: string[] = []): string[] => [
  ...before,
  ...text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()])),
];
