import { spawn } from 'node:child_process';
import { dataFolder } from '../core/folders.ts';
import { askCore } from '../transport/attach.ts';
import { connectToCore } from './connect.ts';

/** Serves the app to a browser until Ctrl-C: prints the address, opens a browser where a display answers. */
export async function serve(options: { port: number; open: boolean }): Promise<void> {
  const connection = await connectToCore();
  const answer = await askCore(dataFolder(process.env), `/web?port=${options.port}`);
  if (!answer.url) throw new Error(`The core could not open the browser's server: ${answer.error}`);
  process.stdout.write(`MLSysOps Desktop is at ${answer.url}\nCtrl-C ends it.\n`);
  if (options.open && (process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY))
    openBrowser(answer.url);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  connection.close();
}

function openBrowser(url: string): void {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '', url]
        : ['xdg-open', url];
  const child = spawn(command ?? 'xdg-open', args, { stdio: 'ignore', detached: true });
  child.on('error', () => process.stdout.write('No browser could be opened from here: open the address yourself.\n'));
  child.unref();
}
