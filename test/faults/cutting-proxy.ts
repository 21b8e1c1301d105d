import { connect, createServer, type Socket } from 'node:net';

/** A way to a host that can be cut: TCP on loopback, passed on as it comes. */
export interface CuttingProxy {
  port: number;
  /** Ends what goes through it now, without a goodbye. @returns how many connections that were */
  cut(): number;
  /** While closed, nobody gets through. */
  setOpen(open: boolean): void;
  /** While frozen, nothing is passed on, and nobody is told. */
  setFrozen(frozen: boolean): void;
  close(): Promise<void>;
}

export async function startCuttingProxy(address: string, port: number): Promise<CuttingProxy> {
  const pairs = new Set<[Socket, Socket]>();
  let open = true;
  const server = createServer((client) => {
    if (!open) return void client.resetAndDestroy();
    const host = connect({ host: address, port, noDelay: true });
    client.setNoDelay(true);
    const pair: [Socket, Socket] = [client, host];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      host.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    client.pipe(host);
    host.pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const bound = server.address();
  const cut = (): number => {
    const count = pairs.size;
    for (const [client, host] of pairs) {
      client.resetAndDestroy();
      host.resetAndDestroy();
    }
    return count;
  };
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : 0,
    cut,
    setOpen(now) {
      open = now;
    },
    setFrozen(frozen) {
      for (const [client, host] of pairs) for (const socket of [client, host]) frozen ? socket.pause() : socket.resume();
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
