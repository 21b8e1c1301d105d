import { Menu, type MenuItemConstructorOptions, shell } from 'electron';
import type { WindowCommand } from '../contract/window.ts';

const pages: readonly (readonly [page: string, label: string])[] = [
  ['testbeds', 'Testbeds'],
  ['run', 'Run'],
  ['topology', 'Topology'],
  ['telemetry', 'Telemetry'],
  ['decisions', 'Decisions'],
  ['applications', 'Applications'],
  ['policies', 'Policies'],
  ['models', 'Models'],
  ['terminals', 'Terminals'],
  ['diagnostics', 'Diagnostics'],
];
const projectPage = 'https://github.com/mlsysops-eu';

/**
 * The native menu. What a shell needs (Ctrl with a letter) stays the shell's: keys that the page takes never reach the menu, and copy and paste are
 * the roles of the platform.
 */
export function setMenu(command: (command: WindowCommand) => void, platform: NodeJS.Platform = process.platform): void {
  const mac = platform === 'darwin';
  const item = (label: string, wanted: WindowCommand, accelerator?: string): MenuItemConstructorOptions => ({
    label,
    ...(accelerator ? { accelerator } : {}),
    click: () => command(wanted),
  });
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const template: MenuItemConstructorOptions[] = [
    ...(mac ? [{ role: 'appMenu' as const }] : []),
    {
      label: '&File',
      submenu: [
        item('Start a twin', { command: 'start-twin' }),
        item('New terminal', { command: 'new-terminal' }, 'CmdOrCtrl+Shift+T'),
        separator,
        item('Open recording…', { command: 'open-recording' }, 'CmdOrCtrl+Shift+O'),
        item('Save recording…', { command: 'save-recording' }, 'CmdOrCtrl+Shift+S'),
        separator,
        item('Settings', { command: 'go', page: 'settings', testbed: null }, 'CmdOrCtrl+,'),
        mac ? { role: 'close' } : { role: 'quit' },
      ],
    },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        item('Commands', { command: 'palette' }, 'CmdOrCtrl+K'),
        item('Light or dark', { command: 'theme' }),
        separator,
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
        separator,
        // Without its usual key: in a shell, Ctrl R looks through the history.
        { role: 'reload', accelerator: 'F5' },
        { role: 'toggleDevTools' },
      ],
    },
    {
      label: '&Go',
      submenu: pages.map(([page, label], index) =>
        item(label, { command: 'go', page, testbed: null }, `CmdOrCtrl+${(index + 1) % 10}`),
      ),
    },
    { role: 'windowMenu' },
    {
      role: 'help',
      submenu: [
        item('Diagnostics and support archive', { command: 'go', page: 'diagnostics', testbed: null }),
        { label: 'MLSysOps framework', click: () => void shell.openExternal(projectPage) },
        ...(mac ? [] : [separator, { role: 'about' as const }]),
      ],
    },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
