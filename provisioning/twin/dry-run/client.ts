import { fork } from 'node:child_process';
import { fromDryRunSchema, type ToDryRun } from './messages.ts';
import type { DryRunProgress, DryRunResult } from './result.ts';

/** A dry run that could not be done: what is to be tried cannot be used, or its process ended. */
export class DryRunError extends Error {
  override readonly name = 'DryRunError';
}

/** Time to end by itself. */
const endMs = 3000;

export interface DryRunProcessOptions extends ToDryRun {
  /** The bundled process: dist/twin/dry-run.mjs. */
  program: string;
  /** Only for programs that are not bundled, in tests. */
  execArgv?: string[];
  onProgress: (progress: DryRunProgress) => void;
  signal: AbortSignal;
}

/** A dry run in a process of its own, which `signal` ends. @throws DryRunError; the signal's reason when it is aborted */
export async function runDryRun(options: DryRunProcessOptions): Promise<DryRunResult> {
  const { program, execArgv = [], onProgress, signal, ...task } = options;
  signal.throwIfAborted();
  const child = fork(program, [], {
    execArgv,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Under Electron the same binary is a plain Node only when told so.
    env: { ...process.env, ...(process.versions.electron && { ELECTRON_RUN_AS_NODE: '1' }) },
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    stderr = (stderr + part).slice(-2000);
  });
  let killing: ReturnType<typeof setTimeout> | undefined;
  // It removes its folder as it ends; only one that hangs is killed.
  const abort = (): void => {
    if (child.connected) child.disconnect();
    killing = setTimeout(() => child.kill('SIGKILL'), endMs);
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await new Promise<DryRunResult>((resolve, reject) => {
      child.on('message', (raw) => {
        const message = fromDryRunSchema.parse(raw);
        if (message.type === 'progress') onProgress(message.progress);
        else if (message.type === 'done') resolve(message.result);
        else reject(new DryRunError(message.error));
      });
      child.on('error', (error) => reject(new DryRunError(error.message)));
      child.on('close', (code, killedBy) => {
        const last = stderr.trim().split('\n').slice(-3).join('\n');
        reject(
          signal.aborted
            ? signal.reason
            : new DryRunError(`the dry run ended with ${killedBy ?? `exit code ${code}`}${last && `: ${last}`}`),
        );
      });
      child.send(task satisfies ToDryRun, (error) => {
        if (error) reject(new DryRunError(error.message));
      });
    });
  } finally {
    signal.removeEventListener('abort', abort);
    clearTimeout(killing);
    if (child.connected) child.disconnect();
  }
}
