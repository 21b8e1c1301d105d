import { type BrowserWindow, MessageChannelMain } from 'electron';
import type { WebSocket } from 'ws';
import { attachCore } from '../transport/attach.ts';
import { isOurs } from './guard.ts';

/** Waits between tries to reach a core that went away, ms. */
const reconnectMs = [100, 500, 1000, 2000, 5000];

/** The window's way to the core. The core starts while Electron is still getting ready: the window never waits for it. */
export class CoreConnection {
  readonly #options: Parameters<typeof attachCore>[0];
  #attached: Promise<WebSocket>;

  constructor(options: Parameters<typeof attachCore>[0]) {
    this.#options = options;
    this.#attached = this.#connect();
  }

  #connect(): Promise<WebSocket> {
    const attached = attachCore(this.#options);
    // Whoever waits for it hears of a failure and tries again.
    attached.catch(() => {});
    return attached;
  }

  /** Gives the page one end of a port and pumps frames between the other end and the core; again whenever the core had to be started anew. */
  async give(window: BrowserWindow, attempt = 0): Promise<void> {
    let socket: WebSocket;
    try {
      socket = await this.#attached;
      if (socket.readyState !== socket.OPEN) throw new Error('the core has closed the connection');
    } catch {
      if (window.isDestroyed()) return;
      const wait = reconnectMs[Math.min(attempt, reconnectMs.length - 1)];
      setTimeout(() => {
        this.#attached = this.#connect();
        void this.give(window, attempt + 1);
      }, wait);
      return;
    }
    // Nobody but our own page ever gets a port, whatever the window shows.
    if (window.isDestroyed() || !isOurs(window.webContents.mainFrame.url)) return;
    const { port1, port2 } = new MessageChannelMain();
    port2.on('message', ({ data }) => {
      if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(data));
    });
    socket.on('message', (data) => port2.postMessage(JSON.parse(String(data))));
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      port2.close();
      socket.removeAllListeners('message');
    };
    socket.once('close', () => {
      end();
      this.#attached = this.#connect();
      if (!window.isDestroyed()) void this.give(window, 1);
    });
    window.webContents.once('did-navigate', () => {
      // A page that reloads gets a fresh connection: its streams died with it.
      end();
      socket.close();
    });
    port2.start();
    window.webContents.postMessage('mlsysops-port', null, [port1]);
  }
}
