import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { wrong } from './reach.ts';

/** Where a description comes from: a file ("-" is standard input), or an address. */
export interface Source {
  path?: string;
  uri?: string;
}

/** Descriptions are some kilobytes; the API takes a megabyte. */
const mostBytes = 1_000_000;
const fetchMs = 20_000;

export const sourceOptions = (command: Command, what: string): Command =>
  command.option('--path <file>', `${what}; "-" reads standard input`).option('--uri <address>', 'the same from http(s)://…');

/** @throws Failure invalid-input; the error of reading it */
export async function readSource({ path, uri }: Source): Promise<{ text: string; name: string }> {
  if ((path === undefined) === (uri === undefined)) throw wrong('Name one source', 'Give either --path FILE or --uri ADDRESS');
  if (path !== undefined) return { text: readFileSync(path === '-' ? 0 : path, 'utf8'), name: basename(path) };
  const address = uri ?? '';
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    throw wrong(`--uri ${address} is no http(s) address`, 'For a file, use --path');
  let text: string;
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(fetchMs) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    text = await response.text();
  } catch (error) {
    const why = error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);
    throw wrong(`${address} cannot be read: ${why}`, 'Fetch it yourself, and use --path FILE');
  }
  if (text.length > mostBytes) throw wrong(`${address} has more than ${mostBytes} bytes`, 'A description is some kilobytes');
  return { text, name: basename(new URL(address).pathname) };
}
