export interface ExecuteOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Whole lines (with their newlines) as they come; marks left out. */
  onOutput?: (stream: 'stdout' | 'stderr', text: string) => void;
  /** Lines that begin with the mark, without it: how a script speaks to us. On stderr too, so that each stream can be cut at them. */
  onMark?: (stream: 'stdout' | 'stderr', words: string[]) => void;
  /** Called once, with a function that sets the time left from now, instead of `timeoutMs` as a whole. */
  onDeadline?: (set: (timeoutMs: number) => void) => void;
  /** Bytes of stdout that are kept for the result; more is dropped, and `truncated` says so. Default 4 MiB. */
  limitBytes?: number;
}

export interface ExecuteResult {
  code: number | null;
  signal: string | null;
  stdout: string;
  /** The last 16 KiB. */
  stderr: string;
  truncated: boolean;
  /** Time the script took on the host itself, by the host's clock. Resolution 10 ms. */
  hostMs: number;
  /** From sending the command until the script's first sign of life: what login shell, sudo and network cost. */
  startMs: number;
  /** Our clock (ms since the epoch) when it began. */
  beganAt: number;
  /** PID of the script's shell on the host. */
  pid: number | null;
}
