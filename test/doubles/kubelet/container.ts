import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Cgroups, kill, type Limits } from './cgroups.ts';
import { ContainerConfigError, environmentOf, expand } from './environment.ts';
import type { Container, Pod, Service } from './types.ts';

export type ContainerState =
  | { kind: 'waiting'; reason: string; message?: string }
  | { kind: 'running'; startedAt: number; pid: number }
  | { kind: 'terminated'; startedAt: number; finishedAt: number; exitCode: number };

/** Where containers of this host leave things, and how long a crashing one waits. */
export interface ContainerSurroundings {
  cgroups: Cgroups;
  cores: number;
  hostIp: string;
  /** Notes by which a later kubelet finds running containers again. */
  stateFolder: string;
  logFolder: string;
  services(): Service[];
  backOff: { firstMs: number; mostMs: number };
}

const noteSchema = z.object({ pid: z.number(), startTicks: z.string(), startedAt: z.number(), restartCount: z.number() });

/** Moves itself into the cgroups it is told, then becomes the container's command. */
const launcher = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1" || exit 125; shift; n=$((n - 1)); done; exec "$@"';

/** One container of a pod: its command as a real process in a cgroup of its own. */
export class ContainerProcess {
  readonly #pod: Pod;
  readonly #container: Container;
  readonly #around: ContainerSurroundings;
  readonly #onChange: () => void;
  state: ContainerState = { kind: 'waiting', reason: 'ContainerCreating' };
  lastEnd: Extract<ContainerState, { kind: 'terminated' }> | undefined;
  restartCount = 0;
  #failures = 0;
  #notBefore = 0;
  #adopted = false;

  constructor(pod: Pod, container: Container, around: ContainerSurroundings, onChange: () => void) {
    this.#pod = pod;
    this.#container = container;
    this.#around = around;
    this.#onChange = onChange;
    this.#adopt();
  }

  get name(): string {
    return this.#container.name;
  }

  /** Starts it when it should run and may. Looks whether an adopted one is still there. */
  tick(now: number, restartPolicy: string): void {
    if (this.#adopted && this.state.kind === 'running' && !isSame(this.state.pid, this.#readNote()?.startTicks))
      this.#ended(-1, now);
    if (this.state.kind === 'running') return;
    const hasEnded = this.lastEnd !== undefined;
    const wanted = !hasEnded || restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && this.lastEnd?.exitCode !== 0);
    if (!wanted || now < this.#notBefore) return;
    this.#start(now);
  }

  /** Asks the process to end, or ends everything in its cgroup. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (signal === 'SIGTERM' && this.state.kind === 'running') kill(this.state.pid, signal);
    if (signal === 'SIGKILL') for (const pid of this.#around.cgroups.processes(this.#uid, this.name)) kill(pid, signal);
  }

  isGone(): boolean {
    return this.#around.cgroups.processes(this.#uid, this.name).length === 0;
  }

  get #uid(): string {
    return this.#pod.metadata?.uid ?? '';
  }

  get #noteFile(): string {
    return join(this.#around.stateFolder, 'pods', this.#uid, `${this.name}.json`);
  }

  #adopt(): void {
    const note = this.#readNote();
    if (!note) return;
    this.restartCount = note.restartCount;
    if (!isSame(note.pid, note.startTicks)) return;
    this.#adopted = true;
    this.state = { kind: 'running', startedAt: note.startedAt, pid: note.pid };
  }

  #readNote(): z.infer<typeof noteSchema> | undefined {
    try {
      return noteSchema.parse(JSON.parse(readFileSync(this.#noteFile, 'utf8')));
    } catch {
      // None yet, or half written when power was cut: then there is nothing to adopt.
      return undefined;
    }
  }

  #start(now: number): void {
    const { cgroups, cores, services, hostIp, logFolder } = this.#around;
    try {
      const environment = environmentOf(this.#pod, this.#container, services(), hostIp);
      const command = [...(this.#container.command ?? []), ...(this.#container.args ?? [])].map((word) =>
        expand(word, environment),
      );
      const problem = problemOf(command, environment, this.#container.image);
      if (problem) {
        this.#cannot('CreateContainerError', problem, now);
        return;
      }
      if (!cgroups.remove(this.#uid, this.name)) return;
      const procs = cgroups.create(this.#uid, this.name, limitsOf(this.#container), cores);
      const { namespace = 'default', name = '' } = this.#pod.metadata ?? {};
      const logs = join(logFolder, `${namespace}_${name}_${this.#uid}`, this.name);
      mkdirSync(logs, { recursive: true });
      if (this.lastEnd) this.restartCount++;
      const log = openSync(join(logs, `${this.restartCount}.log`), 'a');
      const child = spawn('/bin/sh', ['-c', launcher, 'sh', String(procs.length), ...procs, ...command], {
        detached: true,
        stdio: ['ignore', log, log],
        env: environment,
        cwd: this.#container.workingDir ?? '/',
      });
      closeSync(log);
      child.on('error', (error) => {
        this.#cannot('RunContainerError', error.message, Date.now());
        this.#onChange();
      });
      const { pid } = child;
      if (pid === undefined) return;
      this.#adopted = false;
      this.state = { kind: 'running', startedAt: now, pid };
      mkdirSync(join(this.#around.stateFolder, 'pods', this.#uid), { recursive: true });
      const note = { pid, startTicks: startTicks(pid) ?? '', startedAt: now, restartCount: this.restartCount };
      writeFileSync(this.#noteFile, JSON.stringify(note));
      child.on('exit', (code, signal) => {
        this.#ended(code ?? 128 + (signal === 'SIGKILL' ? 9 : 15), Date.now());
        this.#onChange();
      });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const reason = error instanceof ContainerConfigError ? 'CreateContainerConfigError' : 'CreateContainerError';
      this.#cannot(reason, error.message, now);
    }
  }

  #cannot(reason: string, message: string, now: number): void {
    this.state = { kind: 'waiting', reason, message };
    this.#wait(now);
  }

  #ended(exitCode: number, now: number): void {
    if (this.state.kind !== 'running') return;
    const { startedAt } = this.state;
    // As a container's PID namespace would: nothing outlives the first process.
    for (const pid of this.#around.cgroups.processes(this.#uid, this.name)) kill(pid, 'SIGKILL');
    // Ten minutes of health are forgiven, as by kubelet.
    if (now - startedAt > 600_000) this.#failures = 0;
    this.lastEnd = { kind: 'terminated', startedAt, finishedAt: now, exitCode };
    this.state = this.lastEnd;
    // The first restart is at once.
    if (this.#failures === 0) this.#failures = 1;
    else this.#wait(now);
  }

  #wait(now: number): void {
    const { firstMs, mostMs } = this.#around.backOff;
    const delayMs = Math.min(firstMs * 2 ** Math.max(0, this.#failures - 1), mostMs);
    this.#failures++;
    this.#notBefore = now + delayMs;
    if (this.state.kind === 'terminated')
      this.state = {
        kind: 'waiting',
        reason: 'CrashLoopBackOff',
        message: `back-off ${Math.round(delayMs / 1000)}s restarting failed container=${this.name} pod=${this.#pod.metadata?.name}_${this.#pod.metadata?.namespace}(${this.#uid})`,
      };
  }
}

/** Why a command cannot be run, in the words that a container runtime has for it. */
function problemOf(command: string[], environment: Record<string, string>, image: string | undefined): string | undefined {
  const [program] = command;
  if (!program) return `image ${image}: the kubelet double has no images, it runs the commands that pods name`;
  const places = program.includes('/') ? [program] : (environment.PATH ?? '').split(':').map((folder) => join(folder, program));
  const problems = places.map((place) => {
    try {
      if (!statSync(place).isFile()) return 'is a directory';
      accessSync(place, constants.X_OK);
      return undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'permission denied' : 'no such file or directory';
    }
  });
  if (problems.includes(undefined)) return undefined;
  const cause = program.includes('/') ? problems[0] : 'executable file not found in $PATH';
  return `failed to create containerd task: exec: ${JSON.stringify(program)}: ${cause}`;
}

const units: Record<string, number> = { m: 1e-3, k: 1e3, M: 1e6, G: 1e9, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };
const quantity = (text: string | undefined): number | undefined => {
  const [, digits, unit = ''] = /^([0-9.]+)([A-Za-z]*)$/.exec(text ?? '') ?? [];
  return digits === undefined ? undefined : Number(digits) * (unit ? (units[unit] ?? Number.NaN) : 1);
};

const limitsOf = (container: Container): Limits => ({
  cpuRequest: quantity(container.resources?.requests?.cpu),
  cpuLimit: quantity(container.resources?.limits?.cpu),
  memoryLimit: quantity(container.resources?.limits?.memory),
});

/** When a process started, in clock ticks since boot: with its pid it is unique. Undefined when it is gone or a zombie. */
function startTicks(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

const isSame = (pid: number, ticks: string | undefined): boolean => ticks !== undefined && startTicks(pid) === ticks;
