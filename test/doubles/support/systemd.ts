import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';

const unitFile = (name: string): string => `/etc/systemd/system/${name}.service`;
export const systemctl = (...args: string[]): string =>
  execFileSync('systemctl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** Installs and (re)starts a service of a double on its host. */
export function installService(name: string, description: string, command: string): void {
  const unit = [
    '[Unit]',
    `Description=${description}`,
    'After=network.target',
    '[Service]',
    `ExecStart=${command}`,
    'Restart=always',
    'RestartSec=1',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ];
  writeFileSync(unitFile(name), unit.join('\n'));
  systemctl('daemon-reload');
  systemctl('enable', '-q', name);
  systemctl('restart', name);
}

/** Ends a service of a double and takes its file away; harmless when it is not there. */
export function removeService(name: string): void {
  try {
    systemctl('disable', '-q', '--now', name);
  } catch {
    // It was never installed here.
  }
  rmSync(unitFile(name), { force: true });
  systemctl('daemon-reload');
  try {
    // One whose files went before it may have ended badly: systemd would remember that.
    systemctl('reset-failed', name);
  } catch {
    // It ended well, or never was.
  }
}
