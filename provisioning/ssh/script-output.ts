import type { ExecuteOptions, ExecuteResult } from './script-result.ts';

/** Bytes of one stream that are shown as they come; a host that floods must not fill the journal's disk. */
const shownBytes = 33_554_432;
/** What a login shell says before a script begins: a banner is a page, more than this never ends. */
const longestGreeting = 4_194_304;
const stdoutBytes = 4_194_304;
const stderrBytes = 16_384;

type Stream = 'stdout' | 'stderr';

/** What a script says, cut at its marks: its result, bounded, and what is told of it as it comes. */
export class ScriptOutput {
  readonly result: ExecuteResult = {
    code: null,
    signal: null,
    stdout: '',
    stderr: '',
    truncated: false,
    hostMs: 0,
    startMs: 0,
    beganAt: 0,
    pid: null,
  };
  readonly #startedAt = performance.now();
  readonly #mark: string;
  readonly #options: ExecuteOptions;
  /** Before the script begins. */
  readonly #onNoise: (line: string) => void;
  readonly #onFlood: () => void;
  readonly #kept: string[] = [];
  #keptBytes = 0;
  #noiseBytes = 0;
  #beganUp = 0;
  readonly #shown = { stdout: 0, stderr: 0 };
  /** An empty line is held back until it is known not to be the one before a mark. */
  readonly #empty = { stdout: false, stderr: false };
  readonly #ended = { stdout: false, stderr: false };

  constructor(mark: string, options: ExecuteOptions, on: { noise: (line: string) => void; flood: () => void }) {
    this.#mark = `${mark} `;
    this.#options = options;
    this.#onNoise = on.noise;
    this.#onFlood = on.flood;
  }

  /** Both streams have come to the script's end. */
  get ended(): boolean {
    return this.#ended.stdout && this.#ended.stderr;
  }

  line(stream: Stream, line: string): void {
    if (line.startsWith(this.#mark)) {
      this.#empty[stream] = false;
      this.#atMark(stream, line.slice(this.#mark.length).split(' '));
    } else if (stream === 'stderr') this.#stderr(line);
    else if (this.result.pid === null) this.#noise(line);
    else this.#stdout(line);
  }

  /** What is known now, as the result of the script. */
  close(): ExecuteResult {
    this.result.stderr = this.result.stderr.slice(-stderrBytes);
    this.result.stdout = this.#kept.join('\n');
    return this.result;
  }

  #atMark(stream: Stream, words: string[]): void {
    const { result } = this;
    if (words[0] === 'end') {
      this.#ended[stream] = true;
      if (stream === 'stderr') return;
      result.hostMs = Math.max(0, Math.round((Number(words[1]) - this.#beganUp) * 1000));
      result.code = Number(words[2]);
    } else if (words[0] === 'begin') {
      result.pid = Number(words[2]);
      this.#beganUp = Number(words[1]);
      result.startMs = performance.now() - this.#startedAt;
      result.beganAt = Date.now();
    } else this.#options.onMark?.(stream, words);
  }

  /** Whatever a noisy .bashrc or a banner says before the script begins is not the script's. */
  #noise(line: string): void {
    this.#noiseBytes += line.length + 1;
    if (this.#noiseBytes > longestGreeting) this.#onFlood();
    else this.#onNoise(line);
  }

  #stdout(line: string): void {
    if (this.#keptBytes + line.length > (this.#options.limitBytes ?? stdoutBytes)) this.result.truncated = true;
    else {
      this.#kept.push(line);
      this.#keptBytes += line.length + 1;
    }
    this.#show('stdout', line);
  }

  #stderr(line: string): void {
    const { result } = this;
    const before = this.#empty.stderr ? '\n' : '';
    result.stderr += line === '' ? before : `${before}${line}\n`;
    // Cut only now and then: to copy it for each line of a flood takes long.
    if (result.stderr.length > 131_072) result.stderr = result.stderr.slice(-stderrBytes);
    this.#show('stderr', line);
  }

  #show(stream: Stream, line: string): void {
    const { onOutput } = this.#options;
    const wasEmpty = this.#empty[stream];
    this.#empty[stream] = line === '';
    if (this.#shown[stream] > shownBytes) return;
    this.#shown[stream] += line.length + 1;
    if (this.#shown[stream] > shownBytes) {
      onOutput?.(stream, '… more than 32 MiB of output: the rest is left out\n');
      return;
    }
    if (wasEmpty) onOutput?.(stream, '\n');
    if (line !== '') onOutput?.(stream, `${line}\n`);
  }
}
