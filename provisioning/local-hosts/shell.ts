import { execFile } from 'node:child_process';

export class LocalHostsError extends Error {
  override readonly name = 'LocalHostsError';
}

/** Runs a program with plain arguments (never a shell) and gives its output. @throws LocalHostsError with the end of its stderr. */
export function run(
  program: string,
  args: string[],
  options: { timeoutMs?: number; env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { timeout: options.timeoutMs ?? 30_000, env: options.env ?? process.env, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const tail = stderr.trim().split('\n').slice(-6).join('\n');
        reject(new LocalHostsError(`"${program} ${args.slice(0, 6).join(' ')}" failed: ${tail || error.message}`));
      },
    );
    if (options.input !== undefined) child.stdin?.end(options.input);
  });
}

/** The same, where a failure means only that there was nothing to do. */
export async function tryRun(program: string, args: string[]): Promise<boolean> {
  try {
    await run(program, args);
    return true;
  } catch (error) {
    if (error instanceof LocalHostsError) return false;
    throw error;
  }
}
