import { isIP } from 'node:net';
import { z } from 'zod';
import type { Detour, Redirection, RedirectionView } from '../redirection.ts';
import { interfaceName, type OwnChain, OwnTable } from './own-table.ts';
import { ProgramError, type Programs } from './programs.ts';

/** Routing tables and rules of ours, a table a pod: before the main table (32766), behind what network plugins set (below 10000). */
const firstTable = 27_000;
const mostDetours = 500;
const tableOf = (slot: number): number => firstTable + slot;
/** Two each, so that what has a nearer way than a default route in the main table goes there. */
const priorityOf = (slot: number): number => firstTable + 2 * slot;
/** Marks routes and rules as ours (/etc/iproute2/rt_protos leaves 77 free). */
const protocol = '77';
/** Where sources are translated, just before those of network plugins: what is theirs by then is not ours. */
const masquerading: OwnChain = { name: 'own_address', type: 'nat', hook: 'postrouting', priority: 99 };

const rulesSchema = z.array(
  z.object({
    priority: z.number(),
    src: z.string().optional(),
    dst: z.string().optional(),
    dstlen: z.number().optional(),
    table: z.string().optional(),
    protocol: z.string().optional(),
  }),
);
const routesSchema = z.array(
  z.object({ dst: z.string(), dev: z.string().optional(), gateway: z.string().optional(), table: z.string().optional() }),
);
const linksSchema = z.array(
  z.object({ ifname: z.string(), flags: z.array(z.string()).default([]), operstate: z.string().default('UNKNOWN') }),
);

interface Taken {
  slot: number;
  podIp: string;
  detour: Detour;
}

/**
 * Policy routing (ip-rule(8), ip-route(8)): rules by a pod's address to a table of its own with the way by the other interface. Without a destination given, only what would
 * take a default route is sent there: pods, services and the host are reached as before. Connections keep the address they were opened with.
 */
export class PolicyRoutes implements Redirection {
  readonly #programs: Programs;
  readonly #table: OwnTable;
  #last: Promise<unknown> = Promise.resolve();

  constructor(programs: Programs) {
    this.#programs = programs;
    this.#table = new OwnTable(programs);
  }

  async look(): Promise<RedirectionView> {
    try {
      const [links, defaults] = [
        await this.#ip('-4', ['link', 'show'], linksSchema),
        await this.#ip('-4', ['route', 'show', 'default'], routesSchema),
      ];
      return {
        interfaces: links.map(({ ifname, flags, operstate }) => {
          const gateway = defaults.find(({ dev }) => dev === ifname)?.gateway;
          const isUp = flags.includes('UP') && operstate !== 'DOWN';
          return { name: ifname, isUp, isPointToPoint: flags.includes('POINTOPOINT'), ...(gateway !== undefined && { gateway }) };
        }),
        detours: (await this.#taken()).map(({ podIp, detour }) => ({ podIp, detour })),
      };
    } catch (error) {
      if (error instanceof ProgramError) return { absent: error.message, interfaces: [], detours: [] };
      throw error;
    }
  }

  /** One after the other: two must not choose the same table. */
  write(podIp: string, detour: Detour | undefined): Promise<() => Promise<void>> {
    return this.#alone(async () => {
      const former = (await this.#taken()).find((one) => one.podIp === podIp)?.detour;
      await this.#replace(podIp, former, detour);
      return () => this.#alone(() => this.#replace(podIp, detour, former));
    });
  }

  async #replace(podIp: string, former: Detour | undefined, wanted: Detour | undefined): Promise<void> {
    if (isIP(podIp) === 0) throw new Error(`"${podIp}" is no address`);
    if (wanted && !interfaceName.test(wanted.interface)) throw new Error(`"${wanted.interface}" is no name of an interface`);
    if (former) await this.#remove(podIp);
    if (!wanted) return;
    try {
      await this.#add(podIp, wanted);
    } catch (error) {
      await this.#remove(podIp);
      if (former) await this.#add(podIp, former);
      throw error;
    }
  }

  async #add(podIp: string, { interface: dev, gateway, to, masquerade }: Detour): Promise<void> {
    const family = isIP(podIp) === 6 ? '-6' : '-4';
    const slots = new Set((await this.#taken()).map(({ slot }) => slot));
    const slot = Array.from({ length: mostDetours }, (_, index) => index).find((one) => !slots.has(one));
    if (slot === undefined) throw new Error(`there are ${mostDetours} detours already`);
    const [table, priority] = [String(tableOf(slot)), priorityOf(slot)];
    const run = (...args: string[]) => this.#programs.run('ip', [family, ...args]);
    const rule = (place: number, ...rest: string[]) =>
      run('rule', 'add', 'priority', String(place), 'from', podIp, ...rest, 'protocol', protocol);
    const via = gateway === undefined ? [] : ['via', gateway];
    await run('route', 'replace', to ?? 'default', ...via, 'dev', dev, 'table', table, 'proto', protocol);
    if (masquerade) await this.#masquerade(podIp, { dev, to });
    if (to === undefined) await rule(priority, 'lookup', 'main', 'suppress_prefixlength', '0');
    await rule(priority + 1, ...(to === undefined ? [] : ['to', to]), 'lookup', table);
  }

  /** All of ours that is for the pod, whole or not. */
  async #remove(podIp: string): Promise<void> {
    const family = isIP(podIp) === 6 ? '-6' : '-4';
    const rules = (await this.#rules(family)).filter(({ src }) => src === podIp);
    for (const { priority } of rules) await this.#programs.run('ip', [family, 'rule', 'del', 'priority', String(priority)]);
    for (const table of await this.#orphans(family))
      await this.#programs.run('ip', [family, 'route', 'flush', 'table', String(table), 'proto', protocol]);
    await this.#masquerade(podIp, undefined);
  }

  /** Tables of ours that no rule leads to. */
  async #orphans(family: '-4' | '-6'): Promise<number[]> {
    const led = new Set((await this.#rules(family)).map(({ table }) => table));
    const routes = await this.#routes(family);
    return [...new Set(routes.map(({ table }) => Number(table)))].filter((table) => isTable(table) && !led.has(String(table)));
  }

  async #taken(): Promise<Taken[]> {
    const [four, six] = [await this.#rules('-4'), await this.#rules('-6')];
    const masked = new Set(((await this.#comments()) ?? []).map((comment) => comment.split(' ')[0]));
    const found: Taken[] = [];
    for (const [family, rules] of [
      ['-4', four],
      ['-6', six],
    ] as const) {
      const routes = rules.length === 0 ? [] : await this.#routes(family);
      for (const { src, dst, dstlen, table } of rules) {
        if (src === undefined || table === undefined || !isTable(Number(table))) continue;
        const route = routes.find((one) => one.table === table);
        const to = dst === undefined ? undefined : `${dst}${dstlen === undefined ? '' : `/${dstlen}`}`;
        const detour = { interface: route?.dev ?? '', gateway: route?.gateway, to, masquerade: masked.has(src) };
        found.push({ slot: Number(table) - firstTable, podIp: src, detour });
      }
    }
    return found;
  }

  #routes(family: '-4' | '-6'): Promise<z.infer<typeof routesSchema>> {
    return this.#ip(family, ['route', 'show', 'table', 'all', 'proto', protocol], routesSchema);
  }

  /** Those of ours, by their places and their mark. */
  async #rules(family: '-4' | '-6'): Promise<z.infer<typeof rulesSchema>> {
    const all = await this.#ip(family, ['rule', 'show'], rulesSchema);
    return all.filter(
      (rule) => rule.protocol === protocol && rule.priority >= firstTable && rule.priority < firstTable + 2 * mostDetours,
    );
  }

  async #masquerade(podIp: string, out: { dev: string; to: string | undefined } | undefined): Promise<void> {
    const comments = await this.#comments();
    if (comments === undefined) {
      if (out) throw new Error('nft, by which addresses are translated, does not work here');
      return;
    }
    const kept = comments.filter((comment) => comment.split(' ')[0] !== podIp);
    if (!out && kept.length === comments.length) return;
    const wanted = [...kept, ...(out ? [[podIp, out.dev, ...(out.to === undefined ? [] : [out.to])].join(' ')] : [])];
    await this.#table.write(
      masquerading,
      wanted.map((comment) => {
        const [ip = '', dev, to] = comment.split(' ');
        const family = isIP(ip) === 6 ? 'ip6' : 'ip';
        const daddr = to === undefined ? '' : ` ${family} daddr ${to}`;
        return { statement: `${family} saddr ${ip}${daddr} oifname "${dev}" masquerade`, comment };
      }),
    );
  }

  /** "<pod's address> <interface>[ <destination>]" of each rule; undefined without nft. */
  async #comments(): Promise<string[] | undefined> {
    try {
      return (await this.#table.comments()).get(masquerading.name) ?? [];
    } catch (error) {
      if (error instanceof ProgramError) return undefined;
      throw error;
    }
  }

  async #ip<T>(family: '-4' | '-6', args: string[], schema: z.ZodType<T>): Promise<T> {
    return schema.parse(JSON.parse((await this.#programs.run('ip', ['-json', family, ...args])).trim() || '[]'));
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work);
    this.#last = done;
    return done;
  }
}

const isTable = (table: number): boolean => table >= firstTable && table < firstTable + mostDetours;
