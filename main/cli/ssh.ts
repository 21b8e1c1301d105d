import { randomUUID } from 'node:crypto';
import type { ContractClient } from '../contract/contract.ts';
import { answerSecrets } from './ask.ts';

/** A terminal on a host in this terminal. @returns the shell's exit code. */
export function openTerminal(client: ContractClient, testbed: string | null, host: string): Promise<number> {
  const terminal = randomUUID();
  const { stdin, stdout } = process;
  const size = () => ({ columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 });
  const failed = (error: Error) => process.stderr.write(`${error.message}\n`);
  // Writes go in order: the core takes one call after another on a connection, and each is small.
  const write = (data: string) => void client.call('terminals.write', { terminal, data }).catch(failed);
  const resize = () => void client.call('terminals.resize', { terminal, ...size() }).catch(failed);
  // What the host wants to know is asked before the shell is there; from then on what is typed is the shell's.
  const secrets = testbed === null ? null : answerSecrets(client, testbed);
  let begun = false;
  const begin = () => {
    begun = true;
    secrets?.close();
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    stdin.on('data', write);
    stdout.on('resize', resize);
  };
  return new Promise((resolve, reject) => {
    let code = 0;
    client.open(
      'terminals.open',
      { terminal, testbed, host, ...size() },
      (event) => {
        if (!begun) begin();
        if (event.type === 'opened') return;
        if (event.type === 'exit') {
          code = event.code ?? 1;
          return;
        }
        return new Promise<void>((taken) => stdout.write(event.data, () => taken()));
      },
      (error) => {
        if (stdin.isTTY) stdin.setRawMode(false);
        stdin.off('data', write);
        stdin.pause();
        stdout.off('resize', resize);
        secrets?.close();
        if (error) reject(error);
        else resolve(code);
      },
    );
  });
}
