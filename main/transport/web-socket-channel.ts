import type { WebSocket } from 'ws';
import type { ClientChannel } from '../contract/client.ts';
import type { ServerChannel } from './serve-channel.ts';

/** Largest frame that is taken from the other side: a testbed file or a pasted text, never a flood. */
export const maximumFrameBytes = 16 * 1024 * 1024;

function jsonChannel(socket: WebSocket) {
  return {
    send(frame: unknown) {
      if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame));
    },
    onFrame(listener: (frame: unknown) => void) {
      socket.on('message', (data) => {
        let frame: unknown;
        try {
          frame = JSON.parse(String(data));
        } catch {
          socket.close(1007, 'not JSON');
          return;
        }
        listener(frame);
      });
    },
    onClose(listener: () => void) {
      socket.on('close', listener);
    },
  };
}

export const serverChannel = (socket: WebSocket): ServerChannel => jsonChannel(socket);
export const clientChannel = (socket: WebSocket): ClientChannel => jsonChannel(socket);
