import { attachChannel } from '../connection.ts';

/**
 * Electron: the preload posts one end of a MessagePort to its own window, again after the core was restarted.
 * Only messages of this very window are taken: a frame or an opener cannot hand in a port.
 */
export function listenForPorts(target: Window = window): void {
  target.addEventListener('message', (event: MessageEvent<unknown>) => {
    if (event.source !== target) return;
    const data = event.data;
    if (typeof data !== 'object' || data === null || !('type' in data) || data.type !== 'mlsysops-port') return;
    const port = event.ports[0];
    if (!port) return;
    attachChannel({
      send: (frame) => port.postMessage(frame),
      onFrame: (listener) => {
        port.addEventListener('message', (message: MessageEvent<unknown>) => listener(message.data));
        port.start();
      },
      onClose: (listener) => port.addEventListener('close', () => listener()),
    });
  });
}
