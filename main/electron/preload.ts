import { ipcRenderer } from 'electron';

/** The only thing that crosses: a port to the core. It can't go over contextBridge, so it is posted to the page (which checks the source). */
ipcRenderer.on('mlsysops-port', (event) => {
  window.postMessage({ type: 'mlsysops-port' }, '*', [...event.ports]);
});
