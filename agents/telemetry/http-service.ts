import { createServer, type IncomingMessage, type RequestListener } from 'node:http';

export interface HttpServiceOptions {
  host: string;
  port: number;
  /** Told once when the port cannot be had, and when it can again. */
  log: (text: string) => void;
}

/** A port that somebody else holds now may be free later. */
const retryMs = 5000;
/** So many clients at once: a collector or two, not a flood. */
const mostConnections = 64;
/** A request that is not there in whole after so long is cut off. */
const requestMs = 5000;

/** A small HTTP server that goes on trying for its port, and never takes the agent down. `port` is the one it got, null as long as it has none. */
export function startHttpService(
  options: HttpServiceOptions,
  listener: RequestListener,
): { readonly port: number | null; listening: Promise<void>; close(): void } {
  const { host, port, log } = options;
  const server = createServer({ requestTimeout: requestMs, headersTimeout: requestMs, maxHeaderSize: 8192 }, listener);
  server.maxConnections = mostConnections;
  let closed = false;
  let failed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listen = (): void => {
    if (!closed) server.listen({ host, port });
  };
  server.on('error', (error) => {
    if (!failed) log(`port ${port} cannot be listened to; trying again: ${error.message}`);
    failed = true;
    timer = setTimeout(listen, retryMs);
    timer.unref();
  });
  const listening = new Promise<void>((resolve) => {
    server.on('listening', () => {
      if (failed) log(`port ${port} is listened to now`);
      failed = false;
      resolve();
    });
  });
  listen();
  return {
    get port() {
      const address = server.address();
      return address !== null && typeof address === 'object' ? address.port : null;
    },
    listening,
    close() {
      closed = true;
      clearTimeout(timer);
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A body in whole. @throws RangeError when it is longer than `mostBytes` */
export async function readBody(request: IncomingMessage, mostBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > mostBytes) throw new RangeError(`more than ${mostBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
