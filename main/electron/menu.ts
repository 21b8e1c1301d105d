import { Menu, type MenuItemConstructorOptions, shell } from 'electron';
import type { WindowCommand } from '../contract/window.ts';
import { english as words } from './english.ts';

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
      label: words.file,
      submenu: [
        item(words.startTwin, { command: 'start-twin' }),
        item(words.newTerminal, { command: 'new-terminal' }, 'CmdOrCtrl+Shift+T'),
        separator,
        item(words.openRecording, { command: 'open-recording' }, 'CmdOrCtrl+Shift+O'),
        item(words.saveRecording, { command: 'save-recording' }, 'CmdOrCtrl+Shift+S'),
        separator,
        item(words.settings, { command: 'go', page: 'settings', testbed: null }, 'CmdOrCtrl+,'),
        mac ? { role: 'close' } : { role: 'quit' },
      ],
    },
    { role: 'editMenu' },
    {
      label: words.view,
      submenu: [
        item(words.commands, { command: 'palette' }, 'CmdOrCtrl+K'),
        item(words.lightOrDark, { command: 'theme' }),
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
      label: words.go,
      submenu: Object.entries(words.pages).map(([page, label], index) =>
        item(label, { command: 'go', page, testbed: null }, `CmdOrCtrl+${(index + 1) % 10}`),
      ),
    },
    { role: 'windowMenu' },
    {
      role: 'help',
      submenu: [
        item(words.diagnostics, { command: 'go', page: 'diagnostics', testbed: null }),
        { label: words.framework, click: () => void shell.openExternal(projectPage) },
        ...(mac ? [] : [separator, { role: 'about' as const }]),
      ],
    },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
