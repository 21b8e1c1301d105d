import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Heartbeat, heartbeatSchema, replySchema } from '../../agents/bus/messages.ts';
import { NatsBus } from '../../agents/bus/nats.ts';
import { deployRequestSchema } from '../../agents/bus/requests.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import { type DecisionRecord, decisionRecordSchema } from '../../agents/decision/record.ts';
import { readDesktopCredentials } from '../../provisioning/phases/bus/keys.ts';
import { expectedAgents } from '../../provisioning/phases/verify/agents-heard.ts';
import { smokeDescription } from '../../provisioning/phases/verify/smoke.ts';
import { makeDoublesBundle } from '../doubles/bundle.ts';
import { useHosts } from '../hosts/fixture.ts';
import { failuresOf, provision, testbedOf } from '../hosts/provision.ts';

/** For how long the link is cut; 60 s is what must be endured, and less is enough to see what is lost. */
const cutSeconds = Number(process.env.MLSYSOPS_CUT_SECONDS ?? 12);

/** Agents and bus of four real hosts, struck while they decide; doubles stand in for Kubernetes and Karmada alone. */
describe('agents of a testbed with a stand-by', () => {
  const fixture = useHosts(['management', 'master-1', 'worker-1', 'worker-2']);
  let bundle: string;
  beforeAll(async () => {
    bundle = mkdtempSync(join(tmpdir(), 'mlsysops-bundle-'));
    await makeDoublesBundle(bundle);
  });
  afterAll(() => rmSync(bundle, { recursive: true, force: true }));
  const on = (host: string, command: string): string => fixture.ssh(host, `sudo sh -c '${command}'`);

  it('lose no decision, whatever part of them is killed or cut off meanwhile', { timeout: 300_000, retry: 0 }, async () => {
    const testbed = testbedOf(fixture, bundle);
    testbed.clusters.cluster1 = { ...testbed.clusters.cluster1!, standby: 'worker-1' };
    const { finished, events } = await provision(fixture, testbed, 'up');
    process.stdout.write(`up: ${finished.summary}\n`);
    expect({ state: finished.state, failures: failuresOf(events) }).toEqual({ state: 'done', failures: [] });
    const { user, password, authority, certificate, key } = await readDesktopCredentials(join(fixture.folder, 'state'));
    const hub = fixture.host('management').address;
    const bus = await NatsBus.connect({
      servers: [`tls://${hub}:4222`],
      name: 'test',
      user,
      password,
      tls: { ca: authority, cert: certificate, key },
      connectTimeoutMs: 10_000,
    });
    const beats = new Map<string, Heartbeat & { at: number }>();
    /** Every decision that was heard live, and who was to be struck by the next one of the cluster's agents. */
    const heard = new Set<string>();
    let onDecision = (_record: DecisionRecord): void => {};
    bus.subscribe(subjects.all.heartbeats, heartbeatSchema, (beat) => void beats.set(beat.agent, { ...beat, at: Date.now() }));
    bus.subscribe(subjects.all.decisions, decisionRecordSchema, (record) => {
      heard.add(record.id);
      onDecision(record);
    });
    /** By the sender's clock, which is ours: what lies unread since before would seem to come from the dead. */
    const heardSince = (agent: string, since: number) => (beats.get(agent)?.time ?? 0) > since;
    const expected = expectedAgents(testbed.hosts, testbed).map(({ agent }) => agent);
    const leading = () =>
      [...beats.values()].filter(({ at, standby }) => standby === false && Date.now() - at < 3000).map(({ agent }) => agent);
    const kept = () => bus.kept(subjects.all.decisions, decisionRecordSchema, 0).catch((): DecisionRecord[] => []);
    const lastKept = async (fits: (record: DecisionRecord) => boolean) =>
      (await kept())
        .filter(fits)
        .sort((a, b) => a.time - b.time || a.revision - b.revision)
        .at(-1);

    let turn = 0;
    /** Has the cluster's agent decide, and strikes as soon as that is heard; gives which decision it was. */
    const strike = async (strikes: () => void): Promise<string> => {
      const struck = new Promise<string>((resolve) => {
        onDecision = ({ id, agent, revision, plan }) => {
          if (agent.layer !== 'cluster' || revision > 0 || !plan) return;
          onDecision = () => {};
          strikes();
          resolve(id);
        };
      });
      const description = smokeDescription('cluster1', turn++ % 2 === 0 ? 'worker-1' : 'worker-2');
      const deploy = subjects.request('continuum', 'deploy');
      expect(await bus.request(deploy, deployRequestSchema, { description }, replySchema, 20_000)).toMatchObject({ ok: true });
      await expect.poll(() => Promise.race([struck, undefined]), { timeout: 30_000, interval: 100 }).toBeDefined();
      return struck;
    };
    /** All agents are heard again, and what was being done is finished and kept. */
    const healed = async (title: string, id: string, agents = expected): Promise<void> => {
      const from = Date.now();
      const isSilent = (one: string) => !heardSince(one, from);
      await expect.poll(() => agents.filter(isSilent), { timeout: 40_000, interval: 100 }).toEqual([]);
      const wholeS = (Date.now() - from) / 1000;
      const status = async () => (await lastKept((record) => record.id === id))?.plan?.status;
      await expect.poll(status, { timeout: 60_000, interval: 300 }).toBe('completed');
      const finishedS = (Date.now() - from) / 1000;
      process.stdout.write(`${title}: heard again after ${wholeS.toFixed(1)} s, plan finished after ${finishedS.toFixed(1)} s\n`);
    };
    const kill = (host: string, service: string) => on(host, `systemctl kill -s KILL mlsysops-${service}`);
    const filter = (how: '-I' | '-D') =>
      on('master-1', `iptables ${how} INPUT -s ${hub} -j DROP; iptables ${how} OUTPUT -d ${hub} -j DROP`);
    try {
      await expect.poll(leading, { timeout: 20_000 }).toEqual(['cluster-cluster1']);

      const node = await strike(() => {
        kill('worker-1', 'node');
        kill('management', 'continuum');
      });
      await healed('node and continuum agent killed', node);

      const servers = await strike(() => {
        kill('management', 'bus');
        kill('master-1', 'bus');
      });
      await healed('hub and leaf killed', servers);

      const cut = await strike(() => void filter('-I'));
      const cutAt = Date.now();
      // The cluster goes on by itself: what it does and decides now nobody above can hear. Its plan ends before another one is called for.
      const kubectl = 'kubectl --kubeconfig=/etc/kubernetes/admin.conf -n mlsysops';
      const readyOnes = () =>
        on('master-1', `${kubectl} get deployment mlsysops-smoke-probe -o jsonpath={.status.readyReplicas}`);
      await expect.poll(readyOnes, { timeout: 20_000, interval: 500 }).toBe('1');
      on('master-1', `${kubectl} delete deployment mlsysops-smoke-probe`);
      await new Promise((resolve) => setTimeout(resolve, cutSeconds * 1000));
      filter('-D');
      const cutUntil = Date.now();
      await healed(`link cut for ${cutSeconds} s`, cut);
      const decidedAlone = await lastKept(
        ({ time, agent, plan }) => agent.layer === 'cluster' && time > cutAt && time < cutUntil && plan !== undefined,
      );
      expect(decidedAlone?.plan?.status).toBe('completed');
      expect(heard).toContain(decidedAlone?.id);

      // For good, as when its host dies: the other one follows.
      const leader = await strike(() =>
        on('master-1', 'systemctl kill -s KILL mlsysops-cluster; systemctl stop mlsysops-cluster'),
      );
      await expect.poll(leading, { timeout: 40_000, interval: 100 }).toEqual(['standby-cluster1']);
      await healed('leader ended, and followed', leader, [
        ...expected.filter((one) => one !== 'cluster-cluster1'),
        'standby-cluster1',
      ]);
      on('master-1', 'systemctl start mlsysops-cluster');
      await expect.poll(() => beats.get('cluster-cluster1')?.standby, { timeout: 20_000 }).toBe(true);
      expect(leading()).toEqual(['standby-cluster1']);

      // Taken out of the testbed's file, the second agent goes and the first one is alone.
      const { standby: _, ...single } = testbed.clusters.cluster1;
      testbed.clusters.cluster1 = single;
      const again = await provision(fixture, testbed, 'up');
      expect({ state: again.finished.state, failures: failuresOf(again.events) }).toEqual({ state: 'done', failures: [] });
      const left =
        'ls /etc/systemd/system /etc/mlsysops /opt/mlsysops/agents /var/lib/mlsysops | grep -i -E "cluster|standby" || true';
      expect(on('worker-1', left)).toBe('');
      await expect.poll(() => beats.get('cluster-cluster1')?.standby, { timeout: 20_000 }).toBeUndefined();

      const all = new Set((await kept()).map(({ id }) => id));
      expect([...heard].filter((id) => !all.has(id))).toEqual([]);
    } finally {
      await bus.close();
    }
  });
});
