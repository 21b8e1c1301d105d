import { createHash } from 'node:crypto';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where this computer keeps testbeds, stores and secrets. MLSYSOPS_DATA overrides it. */
export function dataFolder(env: NodeJS.ProcessEnv): string {
  if (env.MLSYSOPS_DATA) return env.MLSYSOPS_DATA;
  if (process.platform === 'win32') return join(env.APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'MLSysOps Desktop');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'MLSysOps Desktop');
  return join(env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'mlsysops-desktop');
}

/** The core's local socket. A path in the data folder, unless the kernel's limit of 107 bytes forbids it. */
export function socketPath(folder: string): string {
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  if (process.platform === 'win32') return `\\\\.\\pipe\\mlsysops-${name}`;
  const path = join(folder, 'core.sock');
  return Buffer.byteLength(path) <= 100 ? path : join(tmpdir(), `mlsysops-${name}.sock`);
}

export const tokenPath = (folder: string): string => join(folder, 'core.token');
export const lockPath = (folder: string): string => join(folder, 'core.lock');
export const logPath = (folder: string): string => join(folder, 'core.log');

/** Folder of the built application (`dist`): every bundle lies one folder below it. */
export const distFolder = (moduleUrl: string): string => join(dirname(fileURLToPath(moduleUrl)), '..');
