import { NorthboundError } from '../../agents/northbound/client.ts';
import { Failure } from '../../provisioning/run/failure.ts';
import { ContractError } from '../contract/contract.ts';
import { exitCodeOf } from './exit-codes.ts';

/** Columns as wide as their content, two spaces apart. */
export function table(header: string[], rows: string[][]): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [header, ...rows].map(line).join('\n');
}

export const print = (text: string): void => void process.stdout.write(`${text}\n`);

export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

/** One sentence on stderr, the remedy below it; the class of the failure becomes the exit code. */
export function reportError(error: unknown): number {
  const known = asKnown(error);
  if (known === null) {
    process.stderr.write(`mlsysops-cli: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  const { code, message, remedy } = known;
  process.stderr.write(`mlsysops-cli: ${message}${remedy && !message.includes(remedy) ? `\n${remedy}` : ''}\n`);
  return exitCodeOf(code);
}

/** Errors of the core, failures of provisioning that happen here, and files that cannot be read or written. */
function asKnown(error: unknown): { code: string; message: string; remedy?: string | undefined } | null {
  if (error instanceof ContractError) return error;
  if (error instanceof NorthboundError) return { code: error.code, message: error.message };
  if (error instanceof Failure) {
    const { code, message, remedy } = error.value;
    return { code, message, remedy };
  }
  if (error instanceof Error && 'syscall' in error && 'path' in error)
    return { code: 'invalid-file', message: `${String(error.path)}: ${error.message}` };
  return null;
}

export const age = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
};

/** "0.4 s", "2 min 5 s" */
export const duration = (ms: number): string => (ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : age(ms));
