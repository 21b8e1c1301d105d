import { ipcRenderer } from 'electron';

/** All that crosses, and in this direction alone: a port to the core, and commands of the menu. A port can't go over contextBridge, so both are posted to the page (which checks source and schema). */
ipcRenderer.on('mlsysops-port', (event) => {
  window.postMessage({ type: 'mlsysops-port' }, location.origin === 'null' ? '*' : location.origin, [...event.ports]);
});
ipcRenderer.on('mlsysops-command', (_event, command: unknown) => {
  window.postMessage({ type: 'mlsysops-command', command }, location.origin === 'null' ? '*' : location.origin);
});
