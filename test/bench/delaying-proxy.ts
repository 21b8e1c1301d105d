import { connect, createServer, type Socket } from 'node:net';
import { argv, stdout } from 'node:process';

/**
 * A process of its own: `delaying-proxy <ms> <address:port>…` opens a port on loopback for each target and passes bytes on after `ms`, each
 * way, keeping their order and their rate: a longer line, not a slower one. Prints its ports as JSON and ends with its stdin.
 */
const [delay = '0', ...targets] = argv.slice(2);

function pass(from: Socket, to: Socket, delayMs: number): void {
  const later = (work: () => void) => setTimeout(work, delayMs);
  from.on('data', (chunk) => later(() => to.destroyed || to.write(chunk)));
  from.on('end', () => later(() => to.end()));
  from.on('error', () => to.destroy());
  from.on('close', () => later(() => to.destroy()));
}

const ports = await Promise.all(
  targets.map(async (target) => {
    const at = target.lastIndexOf(':');
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      const far = connect({ host: target.slice(0, at), port: Number(target.slice(at + 1)), allowHalfOpen: true, noDelay: true });
      pass(near, far, Number(delay));
      pass(far, near, Number(delay));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }),
);
stdout.write(`${JSON.stringify(ports)}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
