import { type ChildProcess, spawn } from 'node:child_process';

export interface Display {
  name: string;
  stop(): void;
}

/** An X display of our own (Xvfb), on the first free number; ended by pid. */
export function startDisplay(width = 1440, height = 900): Promise<Display> {
  // -displayfd lets the server choose a free number and tell it on descriptor 3.
  const server: ChildProcess = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)));
    server.stdio[3]?.once('data', (number: Buffer) =>
      resolve({ name: `:${String(number).trim()}`, stop: () => void server.kill('SIGTERM') }),
    );
  });
}
