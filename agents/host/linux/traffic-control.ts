import { isIP } from 'node:net';
import { z } from 'zod';
import type { Lacks, Shape, ShapedTraffic, Shaping, ShapingView } from '../shaping.ts';
import { interfaceName, type OwnChain, type OwnRule, OwnTable } from './own-table.ts';
import { ProgramError, type Programs } from './programs.ts';
import { burstBytes, firstHandle, isForeign, isOurs, type Qdisc, rootArguments, rootQdiscs, shapeOf } from './qdisc.ts';

/** Before the kernel follows connections: what is dropped costs nothing. */
const fromPods: OwnChain = { name: 'from_pods', type: 'filter', hook: 'prerouting', priority: -300 };
/** After addresses are translated. */
const toInterfaces: OwnChain = { name: 'to_interfaces', type: 'filter', hook: 'postrouting', priority: 300 };
const probed = 'mlsysops-probe';
const nothing: Shape = {};

/**
 * Shaping by tc and nft (tc-tbf(8), tc-netem(8), nft(8)). What leaves by an interface, or goes to a pod by its own interface on the host, is queued by tc; what a pod sends is
 * policed by nft where it enters the host: above its rate it is dropped, which TCP takes as the sign to slow down. Loss is nft's where the kernel has no netem; a delay needs
 * netem. A queueing discipline that somebody else has set is left alone.
 */
export class TrafficControl implements Shaping {
  readonly #programs: Programs;
  readonly #table: OwnTable;
  #probe: Promise<Probe> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(programs: Programs) {
    this.#programs = programs;
    this.#table = new OwnTable(programs);
  }

  async look(podIps: string[]): Promise<ShapingView> {
    const probe = await this.#probed();
    const lacks = {
      interface: { rate: probe.tbf, delay: probe.netem, loss: probe.netem && probe.loss },
      transmit: { rate: probe.limit, delay: 'what a pod sends cannot be delayed; what it gets can', loss: probe.loss },
      receive: { rate: probe.tbf, delay: probe.netem, loss: probe.netem },
    };
    const isNothing = Object.values(lacks).every(({ rate, delay, loss }) => rate && delay && loss);
    const absent = isNothing ? (probe.tbf ?? probe.limit) : undefined;
    const clean = { interface: present(lacks.interface), transmit: present(lacks.transmit), receive: present(lacks.receive) };
    if (absent !== undefined) return { absent, lacks: clean, interfaces: [], pods: [] };
    const [roots, drops, sent] = [await this.#roots(), await this.#shapes(toInterfaces), await this.#shapes(fromPods)];
    const received = await Promise.all(
      podIps.filter((ip) => isIP(ip)).map(async (podIp) => ({ podIp, root: roots.get((await this.#interfaceOf(podIp)) ?? '') })),
    );
    return {
      lacks: clean,
      interfaces: [...roots].map(([name, root]) => ({
        name,
        shape: { ...(isOurs(root) && shapeOf(root)), ...drops.get(name) },
        ...(isForeign(root) && { foreign: root.kind }),
      })),
      pods: [
        ...[...sent].map(([podIp, shape]) => ({ podIp, direction: 'transmit' as const, shape })),
        ...received.flatMap(({ podIp, root }) =>
          root && isOurs(root) ? [{ podIp, direction: 'receive' as const, shape: shapeOf(root) }] : [],
        ),
      ],
    };
  }

  /** One after the other: a chain is read and written whole. */
  write(traffic: ShapedTraffic, shape: Shape): Promise<() => Promise<void>> {
    return this.#alone(async () => {
      const back = await this.#write(traffic, shape);
      return () => this.#alone(back);
    });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work);
    this.#last = done;
    return done;
  }

  async #write(traffic: ShapedTraffic, shape: Shape): Promise<() => Promise<void>> {
    if ('podIp' in traffic && isIP(traffic.podIp) === 0) throw new Error(`"${traffic.podIp}" is no address`);
    if ('podIp' in traffic && traffic.direction === 'transmit') return this.#writeRule(fromPods, traffic.podIp, shape);
    const dev = 'interface' in traffic ? traffic.interface : await this.#interfaceOf(traffic.podIp);
    if (dev === undefined) throw new Error('the pod has no interface of its own on this host');
    if (!interfaceName.test(dev)) throw new Error(`"${dev}" is no name of an interface`);
    // Only where there is no netem is loss anybody else's.
    const byTable = 'interface' in traffic && shape.lossRatio !== undefined && (await this.#probed()).netem !== undefined;
    const { lossRatio, ...rest } = shape;
    const backQueue = await this.#writeRoot(dev, byTable ? rest : shape);
    if ('podIp' in traffic) return backQueue;
    try {
      const backRule = await this.#writeRule(toInterfaces, dev, byTable ? { lossRatio } : nothing);
      return async () => {
        await backRule();
        await backQueue();
      };
    } catch (error) {
      await backQueue();
      throw error;
    }
  }

  async #writeRoot(dev: string, shape: Shape): Promise<() => Promise<void>> {
    const now = (await this.#roots()).get(dev);
    if (now === undefined) throw new Error(`there is no interface ${dev}`);
    if (isForeign(now)) throw new Error(`${dev} has a ${now.kind} that somebody else has set`);
    const former = isOurs(now) ? shapeOf(now) : nothing;
    const set = async (wanted: Shape): Promise<void> => {
      const there = (await this.#roots()).get(dev);
      if (!isEmpty(wanted)) await this.#programs.run('tc', rootArguments(dev, wanted, there));
      else if (there && isOurs(there)) await this.#programs.run('tc', ['qdisc', 'del', 'dev', dev, 'root']);
    };
    await set(shape);
    return () => set(former);
  }

  /** Rules carry in their comment what they are for: "<address or interface> <bit/s> <loss>". */
  async #writeRule(chain: OwnChain, key: string, shape: Shape): Promise<() => Promise<void>> {
    const set = async (wanted: Shape): Promise<void> => {
      const shapes = await this.#shapes(chain);
      if (isEmpty(wanted) && !shapes.has(key)) return;
      shapes.delete(key);
      if (!isEmpty(wanted)) shapes.set(key, wanted);
      await this.#table.write(
        chain,
        [...shapes].flatMap(([one, its]) => rulesOf(chain, one, its)),
      );
    };
    const former = (await this.#shapes(chain)).get(key) ?? nothing;
    await set(shape);
    return () => set(former);
  }

  async #shapes(chain: OwnChain): Promise<Map<string, Shape>> {
    // Without nft there is none of ours.
    if ((await this.#probed()).nft !== undefined) return new Map();
    const comments = (await this.#table.comments()).get(chain.name) ?? [];
    return new Map(
      comments.map((comment) => {
        const [key = '', rate, loss] = comment.split(' ');
        return [
          key,
          { ...(Number(rate) > 0 && { rateBitsPerSecond: Number(rate) }), ...(Number(loss) > 0 && { lossRatio: Number(loss) }) },
        ];
      }),
    );
  }

  async #roots(): Promise<Map<string, Qdisc>> {
    return rootQdiscs(await this.#programs.run('tc', ['-json', 'qdisc', 'show']));
  }

  /** The host's end of a pod's own link: where the host sends what is for it, beyond a bridge when there is one. */
  async #interfaceOf(podIp: string): Promise<string | undefined> {
    const routes = await this.#ip(['route', 'get', podIp], z.array(z.object({ dev: z.string() })));
    const dev = routes[0]?.dev;
    if (dev === undefined) return undefined;
    const kind = await this.#kind(dev);
    if (kind !== 'bridge') return kind === 'veth' ? dev : undefined;
    const neighbours = await this.#ip(['neigh', 'show', podIp, 'dev', dev], z.array(z.object({ lladdr: z.string().optional() })));
    const hardware = neighbours[0]?.lladdr;
    if (hardware === undefined) return undefined;
    const entries = z
      .array(z.object({ mac: z.string(), ifname: z.string() }))
      .parse(JSON.parse(await this.#programs.run('bridge', ['-json', 'fdb', 'show', 'br', dev])));
    const port = entries.find(({ mac }) => mac === hardware)?.ifname;
    return port !== undefined && (await this.#kind(port)) === 'veth' ? port : undefined;
  }

  async #kind(dev: string): Promise<string | undefined> {
    const schema = z.array(z.object({ linkinfo: z.object({ info_kind: z.string().optional() }).optional() }));
    return (await this.#ip(['-details', 'link', 'show', 'dev', dev], schema))[0]?.linkinfo?.info_kind;
  }

  async #ip<T>(args: string[], schema: z.ZodType<T>): Promise<T> {
    return schema.parse(JSON.parse((await this.#programs.run('ip', ['-json', ...args])).trim() || '[]'));
  }

  #probed(): Promise<Probe> {
    this.#probe ??= this.#tryAll();
    return this.#probe;
  }

  /** What the kernel has is known by trying: on an interface made for it, which carries nothing, and by a check of nft that sets nothing. */
  async #tryAll(): Promise<Probe> {
    // Of an agent that was killed meanwhile.
    await this.#tried('ip', ['link', 'del', probed]);
    const link = await this.#tried('ip', ['link', 'add', probed, 'type', 'dummy']);
    const made =
      link === undefined
        ? undefined
        : await this.#tried('ip', ['link', 'add', probed, 'type', 'veth', 'peer', 'name', `${probed}1`]);
    const qdisc = async (shape: Shape, now?: Pick<Qdisc, 'handle'>): Promise<string | undefined> =>
      made ?? (await this.#tried('tc', rootArguments(probed, shape, now)));
    const tbf = await qdisc({ rateBitsPerSecond: 1e6 });
    // In place of the former: the two never have the same handle.
    const netem = await qdisc({ delayMs: 1, lossRatio: 0.01 }, tbf === undefined ? { handle: firstHandle } : undefined);
    if (made === undefined) await this.#programs.run('ip', ['link', 'del', probed]);
    const check = (shape: Shape) => this.#table.refusal(fromPods, rulesOf(fromPods, '192.0.2.1', shape)[0]!);
    const [limit, loss] = [await check({ rateBitsPerSecond: 1e6 }), await check({ lossRatio: 0.01 })];
    const nft = limit !== undefined && loss !== undefined ? limit : undefined;
    return { tbf: tbf && `no tbf: ${tbf}`, netem: netem && `no netem: ${netem}`, limit, loss, nft };
  }

  async #tried(program: string, args: string[]): Promise<string | undefined> {
    try {
      await this.#programs.run(program, args);
      return undefined;
    } catch (error) {
      if (error instanceof ProgramError) return `${program}: ${error.stderr.split('\n')[0]}`;
      throw error;
    }
  }
}

/** Why each is not there; undefined when it is. */
interface Probe {
  tbf: string | undefined;
  netem: string | undefined;
  limit: string | undefined;
  loss: string | undefined;
  nft: string | undefined;
}

const isEmpty = ({ rateBitsPerSecond, delayMs, lossRatio }: Shape): boolean =>
  rateBitsPerSecond === undefined && delayMs === undefined && lossRatio === undefined;

const present = (reasons: Record<string, string | undefined>): Lacks =>
  Object.fromEntries(Object.entries(reasons).filter(([, reason]) => reason !== undefined));

function rulesOf(chain: OwnChain, key: string, { rateBitsPerSecond: rate, lossRatio }: Shape): OwnRule[] {
  const match = chain === fromPods ? `${isIP(key) === 6 ? 'ip6' : 'ip'} saddr ${key}` : `oifname "${key}"`;
  const comment = `${key} ${rate ?? 0} ${lossRatio ?? 0}`;
  const perTenThousand = Math.round((lossRatio ?? 0) * 10_000);
  return [
    ...(lossRatio === undefined ? [] : [`numgen random mod 10000 < ${perTenThousand} drop`]),
    ...(rate === undefined ? [] : [`limit rate over ${Math.round(rate / 8)} bytes/second burst ${burstBytes(rate)} bytes drop`]),
  ].map((action) => ({ statement: `${match} ${action}`, comment }));
}
