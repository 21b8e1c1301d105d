import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { SshConnection } from './connection.ts';

export interface Forwarding {
  /** On 127.0.0.1 of this computer. */
  port: number;
  close(): void;
}

/** A port on this computer's loopback whose connections come out on the host, as if opened from there to `remoteAddress:remotePort`. */
export async function forward(connection: SshConnection, remoteAddress: string, remotePort: number): Promise<Forwarding> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    if (connection.closed) return socket.destroy();
    connection.client.forwardOut('127.0.0.1', socket.remotePort ?? 0, remoteAddress, remotePort, (error, channel) => {
      // Refused on the other side: to whoever connected here it is a closed connection, as it would be there.
      if (error) return socket.destroy();
      channel.on('error', () => socket.destroy());
      channel.once('close', () => socket.destroy());
      socket.once('close', () => channel.destroy());
      socket.pipe(channel).pipe(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  connection.client.once('close', close);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP listener has a port');
  return {
    port: address.port,
    close: () => {
      connection.client.off('close', close);
      close();
    },
  };
}
