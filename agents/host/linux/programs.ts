import { spawn } from 'node:child_process';

/** Programs of the host, run with an array of arguments: no shell reads them. */
export interface Programs {
  /**
   * What it writes to stdout, at most 8 MB.
   * @throws ProgramError when it is not there, fails, or takes longer than 10 s
   */
  run(program: string, args: string[], input?: string): Promise<string>;
}

export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  readonly stderr: string;

  constructor(program: string, args: string[], stderr: string) {
    super(`${[program, ...args].join(' ')}: ${stderr}`);
    this.stderr = stderr;
  }
}

/** None of them waits for anything but the kernel. */
const longestMs = 10_000;
const mostBytes = 8 * 1024 * 1024;
/** A service's path may lack the folders of tc and nft. */
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** @param within a program and its arguments before the one that is run, such as ["ip", "netns", "exec", "x"]; for tests */
export const hostPrograms = (within: string[] = []): Programs => ({
  run: (program, args, input = '') =>
    new Promise((resolve, reject) => {
      const [first = program, ...rest] = [...within, program, ...args];
      const child = spawn(first, rest, { env: { PATH: path, LC_ALL: 'C' }, timeout: longestMs, killSignal: 'SIGKILL' });
      const output: Buffer[] = [];
      let bytes = 0;
      let complaint = '';
      child.stdout.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > mostBytes) child.kill('SIGKILL');
        else output.push(chunk);
      });
      child.stderr.on('data', (chunk: Buffer) => {
        if (complaint.length < 4000) complaint += chunk.toString('utf8');
      });
      child.on('error', (error: NodeJS.ErrnoException) =>
        reject(new ProgramError(program, args, error.code === 'ENOENT' ? 'is not installed' : error.message)),
      );
      child.on('close', (code, signal) => {
        if (code === 0) resolve(Buffer.concat(output).toString('utf8'));
        else reject(new ProgramError(program, args, complaint.trim() || `ended with ${signal ?? code}`));
      });
      // It may end without having read all, or any, of it.
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    }),
});
