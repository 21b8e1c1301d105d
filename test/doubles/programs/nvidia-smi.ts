import { ProgramError, type Programs } from '../../../agents/host/linux/programs.ts';

const available = [2100, 2085, 1500, 900, 300];

/** Double of NVIDIA's nvidia-smi for machines without such a driver: one processor, and the few questions and commands that holding its frequency takes. */
export class NvidiaSmiDouble implements Programs {
  readonly ran: string[] = [];
  /** MHz; null while the driver chooses. */
  locked: [number, number] | null = null;
  isInstalled = true;
  /** As for whoever lacks CAP_SYS_ADMIN. */
  mayLock = true;

  async run(program: string, args: string[]): Promise<string> {
    const refuse = (stderr: string): never => {
      throw new ProgramError(program, args, stderr);
    };
    if (program !== 'nvidia-smi' || !this.isInstalled) refuse('is not installed');
    const [first = '', second = ''] = args;
    if (first.startsWith('--query-gpu=uuid,name,clocks.current.graphics'))
      return `GPU-4d1f, NVIDIA A2, ${this.locked?.[1] ?? 1500}\n`;
    if (first !== '--id=GPU-4d1f') refuse('No devices were found');
    if (second.startsWith('--query-supported-clocks=graphics')) return `${available.join('\n')}\n`;
    if (!this.mayLock) refuse('The current user does not have permission to change clocks for GPU 00000000:3B:00.0.');
    this.ran.push(second);
    if (second === '--reset-gpu-clocks') this.locked = null;
    else {
      const [, least, most] = /^--lock-gpu-clocks=(\d+),(\d+)$/.exec(second) ?? refuse('Invalid combination of input arguments.');
      this.locked = [Number(least), Number(most)];
    }
    return '';
  }
}
