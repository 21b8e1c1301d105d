import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { replySchema } from '../../agents/bus/messages.ts';
import { NatsBus } from '../../agents/bus/nats.ts';
import { mechanismsAnswerSchema } from '../../agents/bus/requests.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import { type DecisionRecord, decisionRecordSchema } from '../../agents/decision/record.ts';
import { NorthboundClient } from '../../agents/northbound/client.ts';
import { checkOpenMetrics } from '../../agents/telemetry/openmetrics-checker.fixture.ts';
import { fetchText } from '../../agents/telemetry/scrape.ts';
import { type AgentLogLine, agentLogs } from '../../provisioning/phases/agents/logs.ts';
import { northboundToken } from '../../provisioning/phases/agents/service.ts';
import { type BusKeys, busKeys } from '../../provisioning/phases/bus/keys.ts';
import type { RunEvent } from '../../provisioning/run/events.ts';
import type { FinishedEvent } from '../../provisioning/run/run.ts';
import { KnownHosts } from '../../provisioning/ssh/known-hosts.ts';
import { SshPool } from '../../provisioning/ssh/pool.ts';
import type { Testbed } from '../../provisioning/testbed/schema.ts';
import { stateFolderOf } from './carry-out.ts';
import type { TestHosts } from './fixture.ts';
import { changedSteps, failuresOf } from './provision.ts';

/** A testbed that is up, whose agents are looked at. */
export interface AgentsSetting {
  fixture: TestHosts;
  testbed(): Testbed;
  /** Where its programs of agents come from; one of them is changed. */
  distFolder: string;
  up(): Promise<{ finished: FinishedEvent; events: RunEvent[] }>;
}

/** Agents of all layers and the hub of the bus as services of a real host, the management host. */
export function describeAgents({ fixture, testbed, distFolder, up }: AgentsSetting): void {
  describe('agents as services of a host', () => {
    const on = (command: string): string => fixture.ssh('management', command).trim();
    const pidOf = (service: string): string => on(`systemctl show -p MainPID --value ${service}`);

    it('have rights of their own, exposed to little', async () => {
      const subject = on(
        `sudo sed -n 's/.*client-certificate-data: //p' /etc/mlsysops/cluster.kubeconfig | base64 -d | openssl x509 -noout -subject`,
      );
      expect(subject).toContain('mlsysops:cluster-agent');
      const exposure = Object.fromEntries(
        ['node', 'cluster', 'continuum', 'bus'].map((name) => {
          const told = on(`systemd-analyze security --no-pager mlsysops-${name} | tail -n 1`);
          return [name, Number(/: ([\d.]+) /.exec(told)?.[1] ?? Number.NaN)];
        }),
      );
      process.stdout.write(`exposure: ${JSON.stringify(exposure)}\n`);
      expect(exposure.node).toBeLessThanOrEqual(3);
      for (const name of ['cluster', 'continuum', 'bus']) expect(exposure[name], name).toBeLessThanOrEqual(2);
      const shown = on('sudo ps -eo args');
      const keys = busKeys(stateFolderOf(fixture), testbed().name, Date.now);
      expect(shown).not.toContain(await keys.password('continuum'));
    });

    it('tell what they read to any collector, as OpenMetrics', async () => {
      const { address, name } = fixture.host('management');
      let series = new Map<string, number>();
      const read = async (): Promise<boolean> => {
        series = checkOpenMetrics(await fetchText(`http://${address}:9999/metrics`, { timeoutMs: 3000 }));
        // The second reading has rates.
        return series.has(`cpu_used_ratio{cluster="management",node="${name}",source="cgroup"}`);
      };
      await expect.poll(read, { timeout: 10_000 }).toBe(true);
      const memoryMb = Number(on(`ps -o rss= -p ${pidOf('mlsysops-node')}`)) / 1024;
      process.stdout.write(`OpenMetrics: ${series.size} series; node agent: ${memoryMb.toFixed(0)} MB\n`);
      expect(series.get(`memory_used_bytes{cluster="management",node="${name}",source="cgroup"}`)).toBeGreaterThan(2 ** 20);
      // Only components of the node may push; what comes from elsewhere is refused in words.
      const push = `curl -s -o /dev/null -w '%{http_code}' -X POST -H 'content-type: application/json' -d '{}'`;
      expect(on(`${push} http://127.0.0.1:43180/v1/metrics`)).toBe('200');
      expect(on(`${push} http://${address}:43180/v1/metrics`)).toBe('403');
    });

    it('offer the knobs that the host has, and turn them; what it lacks is absent', async () => {
      const keys = busKeys(stateFolderOf(fixture), testbed().name, Date.now);
      const bus = await connect(keys, fixture.host('management').address);
      const agent = `node-${fixture.host('management').name}`;
      const ask = async (verb: string, question: z.core.util.JSONType) =>
        replySchema.parse(await bus.request(subjects.request(agent, verb), z.json(), question, z.unknown(), 15_000));
      try {
        let knobs: z.infer<typeof mechanismsAnswerSchema> = {};
        // What takes a program to see is looked at when it is first asked for.
        const offers = async (): Promise<unknown> => {
          const reply = await ask('mechanisms', {});
          if (!reply.ok) throw new Error(reply.error);
          knobs = mechanismsAnswerSchema.parse(reply.value);
          return knobs.trafficShaping?.options;
        };
        await expect.poll(offers, { timeout: 20_000 }).not.toMatchObject({ absent: 'not looked at yet' });
        const absent = Object.fromEntries(
          Object.entries(knobs).map(([name, { options }]) => [name, (options as { absent?: string }).absent ?? null]),
        );
        process.stdout.write(`knobs: ${JSON.stringify(absent)}\n`);
        expect(JSON.stringify(absent)).not.toMatch(/not permitted|EPERM|EACCES/i);
        const frequencies = on('ls /sys/devices/system/cpu/cpufreq 2>/dev/null | wc -l') !== '0';
        if (!frequencies) expect(absent.CPUFrequencyConfigurator).toContain('no cpufreq');
        const shaping = knobs.trafficShaping?.options as { interface?: { rate?: unknown } };
        if (absent.trafficShaping !== null || !on("ip -o link show | awk -F': ' '{print $2}'").includes('host0')) return;
        const isAbsent = typeof shaping.interface?.rate === 'string';
        const command = { command: 'set', interface: 'host0', rate_bits_per_second: 1e9 };
        const set = await ask('apply', { id: 'shape', plan: 'test', mechanism: 'trafficShaping', command });
        expect(set).toMatchObject(isAbsent ? { ok: false } : { ok: true });
        if (isAbsent) return;
        expect(on('tc qdisc show dev host0')).toContain('tbf');
        expect(await ask('undo', { id: 'shape' })).toEqual({ ok: true, value: { undone: true } });
        expect(on('tc qdisc show dev host0')).not.toContain('tbf');
      } finally {
        await bus.close();
      }
    });

    it('are managed over the northbound API by TLS and a token, and by nobody else', async () => {
      const { address } = fixture.host('management');
      const folder = stateFolderOf(fixture);
      const authority = await busKeys(folder, testbed().name, Date.now).authorityCertificate();
      const access = { url: `https://${address}:8000`, token: await northboundToken(folder), authority };
      const api = new NorthboundClient(access);
      await expect.poll(async () => (await api.call('manage.ping', {})).answered.length, { timeout: 20_000 }).toBe(7);
      expect(await api.call('framework.status', {})).toMatchObject({ layers: [{ alive: 1 }, { alive: 2 }, { alive: 4 }] });
      await expect(new NorthboundClient({ ...access, token: 'x' }).call('agents.list', {})).rejects.toMatchObject({
        status: 401,
      });
      await expect(fetch(`http://${address}:8000/agents`)).rejects.toThrow();
    });

    it('are followed by their logs, and come back when they are killed', async () => {
      const pool = new SshPool({ knownHosts: new KnownHosts(fixture.knownHostsFile) });
      try {
        const [host] = testbed().hosts;
        const lines: AgentLogLine[] = [];
        const former = pidOf('mlsysops-node');
        const following = agentLogs({
          layer: 'node',
          execute: (script, how) => pool.execute(host!, script, how),
          follow: true,
          lines: 500,
          signal: AbortSignal.timeout(60_000),
        });
        let isKilled = false;
        for await (const line of following) {
          lines.push(line);
          if (line.text !== 'node agent started') continue;
          if (isKilled) break;
          isKilled = true;
          on(`sudo kill -9 ${former}`);
        }
        expect(lines.filter(({ text }) => text === 'node agent started').length).toBeGreaterThan(1);
        expect(lines.some(({ text }) => /code=killed/.test(text))).toBe(true);
        expect(pidOf('mlsysops-node')).not.toBe(former);
      } finally {
        await pool.close();
      }
    });

    it('are upgraded one by one in place; decisions outlive that, and a hub that was killed', async () => {
      const keys = busKeys(stateFolderOf(fixture), testbed().name, Date.now);
      const bus = await connect(keys, fixture.host('management').address);
      try {
        const subject = subjects.decision('management', 'continuum', 'continuum');
        const kept = async () => (await bus.kept(subject, decisionRecordSchema, 0).catch(() => [])).map(({ id }) => id).sort();
        await bus.publish(subject, decisionRecordSchema, decision('before'));
        await expect.poll(kept, { timeout: 30_000 }).toEqual(['before']);
        on(`sudo kill -9 ${pidOf('mlsysops-bus')}`);
        await bus.publish(subject, decisionRecordSchema, decision('meanwhile'));
        await expect.poll(kept, { timeout: 60_000 }).toEqual(['before', 'meanwhile']);

        const services = ['mlsysops-node', 'mlsysops-cluster', 'mlsysops-continuum', 'mlsysops-bus'];
        on('sudo touch /var/lib/mlsysops/node/state-of-its-own');
        const before = services.map(pidOf);
        appendFileSync(join(distFolder, 'agents', 'node.mjs'), '\n// a newer one\n');
        const { finished, events } = await up();
        expect({ state: finished.state, failures: failuresOf(events) }).toEqual({ state: 'done', failures: [] });
        // Looking whether an agent has stayed up for a moment may mean to wait for it: nothing is changed by that.
        const changed = changedSteps(events).filter((step) => !step.includes('verify/'));
        expect(changed.sort()).toEqual(
          testbed()
            .hosts.flatMap(({ name }) => [`${name} agents/agent-node`, `${name} agents/program-node`])
            .sort(),
        );
        const after = services.map(pidOf);
        expect(after[0]).not.toBe(before[0]);
        expect(after.slice(1)).toEqual(before.slice(1));
        expect(on('sudo ls /var/lib/mlsysops/node')).toContain('state-of-its-own');
        await expect.poll(kept, { timeout: 30_000 }).toEqual(['before', 'meanwhile']);
      } finally {
        await bus.close();
      }
    });
  });
}

/** As the continuum agent is on it. */
async function connect(keys: BusKeys, address: string): Promise<NatsBus> {
  const { certificate: cert, key } = await keys.certificate('continuum');
  return NatsBus.connect({
    servers: [`tls://${address}:4222`],
    name: 'test',
    user: 'continuum',
    password: await keys.password('continuum'),
    tls: { ca: await keys.authorityCertificate(), cert, key },
    connectTimeoutMs: 10_000,
  });
}

const decision = (id: string): DecisionRecord => ({
  id,
  revision: 0,
  time: Date.now(),
  agent: { id: 'continuum', layer: 'continuum', cluster: 'management' },
  policy: { name: 'test', version: '1' },
  trigger: { kind: 'test', text: 'a test' },
  premises: [],
  candidates: [{ id: 'stay', label: 'Stay', action: { kind: 'stay' }, predicted: [], terms: [], score: 0 }],
  choice: 'stay',
  stay: 'stay',
  margin: null,
  neededMargin: 0.1,
  exploration: false,
  horizonS: 30,
  expected: [],
  title: 'Stayed',
  sentence: 'Stayed.',
});
