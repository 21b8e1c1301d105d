import { ProgramError, type Programs } from '../../../agents/host/linux/programs.ts';

interface Root {
  kind: string;
  handle: string;
  options: Record<string, unknown>;
}

/**
 * Double of tc, ip and nft over a kernel that has every queueing discipline, for machines whose kernel lacks netem. It knows the few commands that shaping gives, refuses
 * as the kernel does (an unknown interface; a change of kind under one handle) and writes JSON as iproute2 6.1 does: bytes/s, seconds, shares.
 */
export class NetworkProgramsDouble implements Programs {
  readonly roots = new Map<string, Root>();
  readonly tables = new Map<string, { chain: string; comment: string }[]>();
  readonly ran: string[] = [];
  /** Kinds of queueing disciplines that the kernel lacks. */
  readonly lacks = new Set<string>();
  /** Programs that are not installed. */
  readonly missing = new Set<string>();

  constructor(interfaces: string[]) {
    for (const name of interfaces) this.roots.set(name, byKernel());
  }

  /** What has changed anything of the host's own. */
  get changes(): string[] {
    return this.ran.filter((line) => /^tc qdisc|^nft --file/.test(line) && !line.includes('mlsysops-probe'));
  }

  async run(program: string, args: string[], input = ''): Promise<string> {
    this.ran.push([program, ...args].join(' '));
    const refuse = (reason: string): never => {
      throw new ProgramError(program, args, reason);
    };
    if (this.missing.has(program)) refuse('is not installed');
    const line = args.join(' ');
    if (program === 'ip') {
      const [, verb, name = ''] = args;
      if (verb === 'add') this.roots.set(name, byKernel());
      else if (verb === 'del' && !this.roots.delete(name)) refuse('Cannot find device');
      return '';
    }
    if (program === 'nft') {
      if (line.startsWith('--json')) {
        if (this.tables.size === 0) refuse('Error: No such file or directory');
        const rules = [...this.tables.values()].flat().map((rule) => ({ rule }));
        return JSON.stringify({ nftables: [...[...this.tables.keys()].map((name) => ({ chain: { name } })), ...rules] });
      }
      if (line.startsWith('--file')) this.#script(input);
      return '';
    }
    if (line === '-json qdisc show')
      return JSON.stringify([...this.roots].map(([dev, root]) => ({ ...root, dev, root: true, refcnt: 2 })));
    const [, verb, , dev = '', , , handle = '', kind = '', ...words] = args;
    const now = this.roots.get(dev) ?? refuse('Cannot find device');
    if (verb === 'del') this.roots.set(dev, byKernel());
    else {
      if (this.lacks.has(kind)) refuse('Error: Specified qdisc kind is unknown.');
      if (now.handle === handle && now.kind !== kind) refuse('Error: Invalid qdisc name: must match existing qdisc.');
      this.roots.set(dev, { kind, handle, options: optionsOf(kind, words) });
    }
    return '';
  }

  #script(text: string): void {
    for (const line of text.split('\n')) {
      const [, chain = ''] = /^(?:add|flush|delete) (?:chain|rule) inet mlsysops (\w+)/.exec(line) ?? [];
      if (line.startsWith('add chain')) this.tables.set(chain, this.tables.get(chain) ?? []);
      else if (line.startsWith('flush')) this.tables.set(chain, []);
      else if (line.startsWith('delete')) this.tables.delete(chain);
      else if (line.startsWith('add rule'))
        this.tables.get(chain)?.push({ chain, comment: /comment "(.*)"$/.exec(line)?.[1] ?? '' });
    }
  }
}

const byKernel = (): Root => ({ kind: 'fq_codel', handle: '0:', options: { limit: 10240 } });

function optionsOf(kind: string, words: string[]): Record<string, unknown> {
  const value = (name: string): number | undefined => {
    const at = words.indexOf(name);
    return at < 0 ? undefined : Number.parseFloat(words[at + 1] ?? '');
  };
  const [rate, delayUs, lossPercent] = [value('rate'), value('delay'), value('loss')];
  if (kind === 'tbf') return { rate: (rate ?? 0) / 8, burst: value('burst'), lat: 50_000 };
  return {
    limit: value('limit'),
    ...(delayUs !== undefined && { delay: { delay: delayUs / 1e6, jitter: 0, correlation: 0 } }),
    ...(lossPercent !== undefined && { 'loss-random': { loss: lossPercent / 100, correlation: 0 } }),
    ...(rate !== undefined && { rate: { rate: rate / 8, packetoverhead: 0, cellsize: 0, celloverhead: 0 } }),
    ecn: false,
    gap: 0,
  };
}
