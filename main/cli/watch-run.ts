import type { ContractClient } from '../contract/contract.ts';
import { answerSecrets } from './ask.ts';
import { exitCodeOf } from './exit-codes.ts';
import { humanPrinter, jsonPrinter } from './run-printer.ts';

/**
 * Starts a run and follows it to its end. The person at the terminal is asked for secrets meanwhile. Ctrl-C cancels the run and goes on
 * telling how it ends; a second one leaves it to the core.
 * @returns the exit code: 0 done, by class of failure otherwise
 */
export async function carryOut(
  client: ContractClient,
  testbed: string,
  json: boolean,
  start: () => Promise<{ run: string }>,
): Promise<number> {
  const printer = json ? jsonPrinter() : humanPrinter();
  const secrets = answerSecrets(client, testbed, printer);
  try {
    const { run } = await start();
    let asked = false;
    const cancel = () => {
      if (asked) process.exit(exitCodeOf('cancelled'));
      asked = true;
      process.stderr.write('Stopping after the step in progress. The same command goes on from there.\n');
      client.call('runs.cancel', { run }).catch((error: Error) => process.stderr.write(`${error.message}\n`));
    };
    process.on('SIGINT', cancel);
    try {
      return await follow(client, run, printer);
    } finally {
      process.off('SIGINT', cancel);
    }
  } finally {
    printer.end();
    secrets.close();
  }
}

/** Follows a run, or tells one that is over again. Ctrl-C only ends the watching. @returns the exit code of the run */
export const watchRun = (client: ContractClient, run: string, json: boolean): Promise<number> =>
  follow(client, run, json ? jsonPrinter() : humanPrinter());

function follow(client: ContractClient, run: string, printer: ReturnType<typeof jsonPrinter>): Promise<number> {
  let code = 1;
  let failure: string | null = null;
  return new Promise((resolve, reject) => {
    client.open(
      'runs.watch',
      { run },
      (events) => {
        for (const event of events) {
          printer.take(event);
          if (event.type === 'failure') failure ??= event.failure.code;
          if (event.type === 'finished')
            code = event.state === 'done' ? 0 : exitCodeOf(event.state === 'cancelled' ? 'cancelled' : (failure ?? 'unknown'));
        }
      },
      (error) => {
        printer.end();
        if (error) reject(error);
        else resolve(code);
      },
    );
  });
}
