import { ContractError } from '../contract/contract.ts';

/** Exit codes by class of failure, so that a script can tell them apart. */
const exitCodes: Record<string, number> = {
  'invalid-input': 2,
  'invalid-file': 2,
  'no-such-testbed': 3,
  'no-such-host': 3,
  'no-such-cluster': 3,
  unreachable: 4,
  'host-key-unknown': 5,
  'host-key-changed': 5,
  authentication: 6,
  sudo: 6,
  preflight: 7,
  artefact: 8,
  step: 9,
  cancelled: 130,
};

export const exitCodeOf = (code: string): number => exitCodes[code] ?? 1;

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

export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
};

/** One sentence on stderr, the remedy below it; the class of the failure becomes the exit code. */
export function reportError(error: unknown): number {
  if (error instanceof ContractError) {
    const remedy = error.remedy && !error.message.includes(error.remedy) ? `\n${error.remedy}` : '';
    process.stderr.write(`mlsysops-cli: ${error.message}${remedy}\n`);
    return exitCodeOf(error.code);
  }
  process.stderr.write(`mlsysops-cli: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
}

export const age = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
};
