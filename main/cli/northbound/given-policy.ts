import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { z } from 'zod';
import { policyNameSchema } from '../../../agents/bus/administration.ts';
import { wrong } from './reach.ts';

const settingsSchema = z.record(z.string(), z.json());

/** A policy as a command line gives it. */
export interface GivenPolicy {
  file?: string;
  name?: string;
  settings?: string;
}

export const policyOptions = (command: Command): Command =>
  command
    .option('--file <file>', 'policy-<name>.py as the framework has it, or policy-<name>.ts')
    .option('--name <name>', 'name of the policy; default: from the file’s name')
    .option('--settings <json>', 'of a shipped policy: its settings, whole, as JSON');

/** What a policy is to be: a file in either language, or settings of a shipped one. */
export function policyIn({ file, name, settings }: GivenPolicy) {
  if ((file === undefined) === (settings === undefined))
    throw wrong('Give either --file or --settings', 'See mlsysops-cli agent --help');
  if (file === undefined) return { name: policyName(name ?? ''), body: { settings: objectIn(settings ?? '', '--settings') } };
  const [, ofFile = '', extension] = /^(?:policy-)?(.*?)\.(py|ts)$/.exec(basename(file)) ?? [];
  if (extension === undefined)
    throw wrong(`${file} is neither Python (.py) nor TypeScript (.ts)`, 'Name it policy-<name>.py or .ts');
  const language = extension === 'ts' ? ('typescript' as const) : ('python' as const);
  return { name: policyName(name ?? ofFile), body: { content: readFileSync(file, 'utf8'), language } };
}

export function policyName(text: string): string {
  const name = policyNameSchema.safeParse(text);
  if (name.success) return name.data;
  throw wrong(`"${text}" is no policy's name: ${name.error.issues[0]?.message ?? ''}`, 'Say it with --name');
}

/** JSON is YAML. */
export function objectIn(text: string, where: string): z.infer<typeof settingsSchema> {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw wrong(
      `${where}: ${error instanceof Error ? error.message : String(error)}`,
      'It holds settings by name, as YAML or JSON',
    );
  }
  const parsed = settingsSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw wrong(`${where} holds no settings by name`, 'Write them as YAML or JSON: telemetryMs: 2000');
}
