import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { OutputOf } from '../contract/contract.ts';
import type { LocalTestbeds } from './local-testbeds.ts';
import type { RestoredTwin } from './restore-twins.ts';

/** Looking for ways to root starts a program: not more often than this. */
const unavailableMs = 30_000;

/** What the app is and where it runs. */
export function makeSystemInfo(options: {
  dataFolder: string;
  distFolder: string;
  local: LocalTestbeds;
  restored: readonly RestoredTwin[];
}) {
  const startedAt = Date.now();
  const version = versionBeside(options.distFolder);
  let known: { at: number; text: string | null } | null = null;
  return async (): Promise<OutputOf<'system.info'>> => {
    if (!known || Date.now() - known.at > unavailableMs) known = { at: Date.now(), text: await options.local.unavailable() };
    return {
      version,
      core: { pid: process.pid, node: process.version, startedAt, dataFolder: options.dataFolder },
      platform: process.platform,
      localHostsUnavailable: known.text,
      restored: [...options.restored],
    };
  };
}

/** Both in the repository and in the packed app, package.json lies beside dist. */
function versionBeside(distFolder: string): string {
  try {
    const text = readFileSync(join(dirname(distFolder), 'package.json'), 'utf8');
    return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
  } catch {
    return 'unknown';
  }
}
