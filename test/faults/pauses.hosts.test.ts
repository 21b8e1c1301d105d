import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addressOf } from '../../provisioning/phases/support/hosts.ts';
import type { RunEvent } from '../../provisioning/run/events.ts';
import { leaseFile, leaseScript, staleAfterS } from '../../provisioning/run/lease.ts';
import type { Phase, Step } from '../../provisioning/run/phase.ts';
import { makePlan } from '../../provisioning/run/plan.ts';
import { readPlan, writePlan } from '../../provisioning/run/plan-file.ts';
import { startRun } from '../../provisioning/run/run.ts';
import type { SshOptions } from '../../provisioning/ssh/connection.ts';
import { KnownHosts } from '../../provisioning/ssh/known-hosts.ts';
import { type Testbed, testbedSchema } from '../../provisioning/testbed/schema.ts';
import { useHosts } from '../hosts/fixture.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';

// biome-ignore lint/correctness/useHookAtTopLevel: a fixture of tests, not a hook of React
const fixture = useHosts(['management', 'master-1']);

/** `proxies`: hosts that are reached by a way that can be cut. */
function testbed(proxies: Record<string, CuttingProxy> = {}): Testbed {
  return testbedSchema.parse({
    name: 'lab',
    kind: 'hosts',
    hosts: fixture.hosts.map(({ name, address, user }) => ({
      name,
      address: proxies[name] ? '127.0.0.1' : address,
      ...(proxies[name] && { port: proxies[name].port }),
      user,
      identityFile: fixture.identityFile,
      role: name === 'management' ? 'management' : 'master',
      cluster: name === 'management' ? 'management' : 'cluster1',
    })),
    clusters: {
      management: { podCidr: '10.210.0.0/16', serviceCidr: '10.211.0.0/16' },
      cluster1: { podCidr: '10.212.0.0/16', serviceCidr: '10.213.0.0/16' },
    },
  });
}

const knownHosts = new KnownHosts(fixture.knownHostsFile);
const ssh = { knownHosts, agent: null };
const stateFolder = join(fixture.folder, 'state');

/** A step that says in a file of its own each time that it is applied. */
const onceStep = (folder: string, id: string, more: Partial<Step> = {}, before = ''): Step => ({
  id,
  title: `Do ${id}`,
  observe: `[ -e ${folder}/${id} ]`,
  change: `mkdir -p ${folder}; echo ${id} >>${folder}/applied; ${before}\n touch ${folder}/${id}`,
  undo: `rm -f ${folder}/${id}`,
  ...more,
});
const phaseOf = (id: string, steps: (host: string) => Step[], more: Partial<Phase> = {}): Phase => ({
  id,
  title: `Phase ${id}`,
  steps: (host) => steps(host.name),
  ...more,
});
const applied = (host: string, folder: string): string[] =>
  fixture.ssh(host, `cat ${folder}/applied 2>/dev/null || true`).split('\n').filter(Boolean);
const noLeases = () => fixture.hosts.map(({ name }) => fixture.ssh(name, `ls ${leaseFile} 2>/dev/null || true`)).join('');

async function run(
  phases: Phase[],
  options: Partial<Parameters<typeof startRun>[0]> & { onEach?: (event: RunEvent) => void } = {},
) {
  const events: RunEvent[] = [];
  const { onEach, ...rest } = options;
  const onEvent = (event: RunEvent) => {
    events.push(event);
    onEach?.(event);
  };
  const finished = await startRun({ testbed: testbed(), phases, verb: 'up', ssh, stateFolder, onEvent, ...rest });
  const failures = events.flatMap((event) => (event.type === 'failure' ? [event.failure] : []));
  const away = events.flatMap((event) => (event.type === 'warning' && /^it was away/.test(event.text) ? [event] : []));
  const changed = events.flatMap((event) =>
    event.type === 'step' && event.state === 'changed' ? [`${event.host} ${event.step}`] : [],
  );
  return { finished, events, failures, away, changed: changed.sort() };
}
/** Calls `then` once, when a step runs on a host. */
const when = (host: string, step: string, then: () => void) => {
  let done = false;
  return (event: RunEvent) => {
    if (done || event.type !== 'step' || event.host !== host || event.step !== step || event.state !== 'running') return;
    done = true;
    then();
  };
};

/** What a process of a host calls itself; nothing once it has ended. */
function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

describe('two laptops', () => {
  it('never provision the same hosts: one goes on, the other is told by whom', async () => {
    for (let round = 0; round < 3; round++) {
      const folder = `/var/tmp/race-${round}`;
      const phases = [phaseOf('only', () => [onceStep(folder, 'a'), onceStep(folder, 'b')])];
      const owners = ['alice@one', 'bob@two'];
      const both = await Promise.all(
        owners.map((owner) => run(phases, { lease: { owner }, stateFolder: join(fixture.folder, owner) })),
      );
      const winners = both.filter(({ finished }) => finished.state === 'done');
      // When one has ended before the other asks, both have their turn.
      expect(winners.length).toBeGreaterThan(0);
      for (const [index, { finished, failures }] of both.entries()) {
        if (finished.state === 'done') continue;
        expect(failures.length).toBeGreaterThan(0);
        for (const failure of failures)
          expect(failure).toMatchObject({ code: 'lease', cause: expect.stringContaining(owners[1 - index]!) });
      }
      for (const { name } of fixture.hosts) expect(applied(name, folder)).toEqual(['a', 'b']);
      expect(noLeases()).toBe('');
    }
  });

  it('can take hosts over from each other: by word, when stale, or from oneself; whoever lost them does no further step', async () => {
    const folder = '/var/tmp/over';
    const hold = (owner: string, seconds: number) => {
      const script = leaseScript('m', { token: 'other-1', owner, run: 'r-other', mode: 'take', takeOver: true });
      fixture.ssh('master-1', `echo ${Buffer.from(script).toString('base64')} | base64 -d | sudo sh >/dev/null`);
      fixture.ssh(
        'master-1',
        `sudo awk -v s=${seconds} 'NR>=4{print $1-s;next}{print}' ${leaseFile} >/tmp/l && sudo cp /tmp/l ${leaseFile}`,
      );
    };
    const phases = (name: string) => [phaseOf('only', () => [onceStep(folder, name)])];
    // Longer than two runs that began at once wait for each other.
    hold('carol@lab', 20);
    const refused = await run(phases('a'));
    expect(refused.finished.state).toBe('failed');
    expect(refused.failures).toEqual([
      expect.objectContaining({ code: 'lease', host: 'master-1', remedy: expect.stringContaining('--take-over') }),
    ]);
    expect(refused.failures[0]?.cause).toMatch(/by carol@lab since \d\d:\d\d \(run r-other, last sign of life \d+ s ago\)/);
    expect(applied('management', folder)).toEqual([]);
    expect((await run(phases('a'), { lease: { owner: 'alice@one', takeOver: true } })).finished.state).toBe('done');
    hold('alice@one', 5);
    expect((await run(phases('b'), { lease: { owner: 'alice@one' } })).finished.state).toBe('done');

    let over: ReturnType<typeof run> | undefined;
    const slow = [
      phaseOf('only', () => [
        onceStep(folder, 'slow', {}, 'for i in $(seq 300); do [ ! -e /var/tmp/taken ] || break; sleep 0.1; done'),
        onceStep(folder, 'next'),
      ]),
    ];
    const lost = await run(slow, {
      lease: { owner: 'alice@one' },
      onEach: when('master-1', 'slow', () => {
        over = run([phaseOf('other', () => [onceStep(folder, 'theirs', {}, 'touch /var/tmp/taken')])], {
          lease: { owner: 'bob@two', takeOver: true },
          stateFolder: join(fixture.folder, 'bob'),
        });
      }),
    });
    expect((await over)?.finished.state).toBe('done');
    expect(lost.finished.state).toBe('failed');
    expect(new Set(lost.failures.map(({ code }) => code))).toEqual(new Set(['lease']));
    expect(applied('master-1', folder)).not.toContain('next');
    expect(noLeases()).toBe('');
    expect(staleAfterS).toBeGreaterThan(60);
  });
});

describe('a host that goes away', () => {
  it('is waited for when its connection is cut, again and again: no step is applied twice', async () => {
    const folder = '/var/tmp/cut';
    const { address, port } = fixture.host('master-1');
    const proxy = await startCuttingProxy(address, port);
    for (const key of fixture.host('master-1').hostKeys) {
      const [, wire = ''] = key.split(' ');
      await knownHosts.add('127.0.0.1', proxy.port, Buffer.from(wire, 'base64'));
    }
    let cutAfter = false;
    const steps = ['a', 'b', 'c', 'd'];
    const phases = [
      phaseOf('first', () => steps.map((id) => onceStep(folder, id, {}, 'sleep 0.3'))),
      phaseOf('second', () => [onceStep(folder, 'e')], {
        after: async (context) => {
          if (!cutAfter) {
            cutAfter = true;
            proxy.cut();
          }
          expect(await context.execute('master-1', 'id -un')).toBe('root\n');
        },
      }),
    ];
    const up = await run(phases, {
      testbed: testbed({ 'master-1': proxy }),
      onEach: (event) => {
        if (event.type === 'step' && event.host === 'master-1' && event.state === 'running' && event.step !== 'e') {
          proxy.setOpen(false);
          proxy.cut();
          setTimeout(() => proxy.setOpen(true), 400);
        }
      },
    });
    await proxy.close();
    expect(up.failures).toEqual([]);
    expect(up.finished).toMatchObject({ state: 'done', changed: 10 });
    expect(applied('master-1', folder)).toEqual([...steps, 'e']);
    expect(up.away.length).toBeGreaterThan(1);
    expect(noLeases()).toBe('');
  });

  it('is waited for when it restarts in the middle of a step; what did not outlive that is done again', async () => {
    const folder = '/var/tmp/restart';
    const volatile = (id: string, change = ''): Step => ({
      id,
      title: `Do ${id}`,
      observe: `[ -e /run/${id} ]`,
      change: `${change} touch /run/${id}`,
    });
    const on = (phase: string) => ({ needs: (host: { name: string }) => [{ host: host.name, phase }] });
    const phases = [
      phaseOf('ground', () => [volatile('volatile-ground')]),
      // Cannot be done again before what it stands on.
      phaseOf('first', () => [onceStep(folder, 'a'), volatile('volatile', 'test -e /run/volatile-ground &&')], on('ground')),
      phaseOf(
        'second',
        (host) => [
          onceStep(folder, 'b', {}, host === 'master-1' ? `[ -e ${folder}/up ] || { touch ${folder}/up; sync; sleep 600; }` : ''),
        ],
        on('first'),
      ),
    ];
    const up = await run(phases, {
      onEach: when('master-1', 'b', () => {
        void (async () => {
          for (let attempt = 0; attempt < 200; attempt++)
            if (fixture.ssh('master-1', `ls ${folder}/up 2>/dev/null || true`) !== '') break;
          await fixture.controls.powerCut(fixture.testbed, 'master-1');
          await fixture.controls.start(fixture.testbed, 'master-1');
        })();
      }),
    });
    expect(up.failures).toEqual([]);
    expect(up.finished.state).toBe('done');
    expect(up.away).toEqual([
      expect.objectContaining({ host: 'master-1', text: expect.stringMatching(/and has been restarted/) }),
    ]);
    expect(applied('master-1', folder)).toEqual(['a', 'b', 'b']);
    expect(fixture.ssh('master-1', 'ls /run/volatile')).toBe('/run/volatile\n');
    expect(noLeases()).toBe('');
  });

  /** As another lease of a DHCP server would, from outside: the host notices nothing of it. */
  const networkOf = (name: string): string => {
    const [, , network, number] = fixture.host(name).address.split('.').map(Number) as [number, number, number, number];
    return `mlh${network}h${number - 10}`;
  };
  const changeAddress = (name: string, from: string, to: string) => {
    const inside = (...args: string[]) => execFileSync('ip', ['-n', networkOf(name), ...args]);
    inside('address', 'del', `${from}/24`, 'dev', 'eth0');
    inside('address', 'add', `${to}/24`, 'dev', 'eth0');
    inside('route', 'add', 'default', 'via', from.replace(/\d+$/, '1'));
  };

  it('is found by its key where its neighbours have seen it, when the testbed file names the address that has changed', async () => {
    const folder = '/var/tmp/moved-by-key';
    const { address } = fixture.host('master-1');
    const moved = address.replace(/\d+$/, '98');
    const phases: Phase[] = [
      phaseOf('first', () => [onceStep(folder, 'a', {}, 'sleep 1'), onceStep(folder, 'b')]),
      { id: 'second', title: 'Phase second', steps: (host, context) => [onceStep(folder, `at-${addressOf(host, context)}`)] },
    ];
    let isMoved = false;
    try {
      const up = await run(phases, {
        testbed: testbed(),
        onEach: when('master-1', 'a', () => {
          // Whoever is connected loses that at once; what it has begun goes on.
          for (const pid of execFileSync('ip', ['netns', 'pids', networkOf('master-1')], { encoding: 'utf8' }).split('\n'))
            if (pid !== '' && /^sshd: researcher/.test(nameOf(pid))) process.kill(Number(pid), 'SIGKILL');
          changeAddress('master-1', address, moved);
          isMoved = true;
          // It speaks to the others, as its agents do.
          const speak = `: </dev/tcp/${fixture.host('management').address}/22`;
          execFileSync('ip', ['netns', 'exec', networkOf('master-1'), 'bash', '-c', speak]);
        }),
      });
      expect(up.failures).toEqual([]);
      expect(up.changed.filter((step) => step.startsWith('master-1'))).toEqual([
        'master-1 a',
        `master-1 at-${moved}`,
        'master-1 b',
      ]);
      const [warning] = up.events.filter((event) => event.type === 'warning' && /its address was/.test(event.text));
      expect(warning).toMatchObject({
        text: `its address was ${address} and is ${moved} now`,
        remedy: expect.stringContaining('Write that into the testbed file'),
      });
    } finally {
      if (isMoved) changeAddress('master-1', moved, address);
    }
    expect(applied('master-1', folder)).toEqual(['a', 'b', `at-${moved}`]);
    expect(noLeases()).toBe('');
  });

  it('is found again where ~/.ssh/config says, when its address has changed meanwhile', async () => {
    const folder = '/var/tmp/moved';
    const { address, port, hostKeys } = fixture.host('master-1');
    const moved = address.replace(/\d+$/, '99');
    for (const key of hostKeys) await knownHosts.add('lab-master', 22, Buffer.from(key.split(' ')[1] ?? '', 'base64'));
    const proxy = await startCuttingProxy(address, port);
    let way = { hostName: '127.0.0.1', port: proxy.port };
    const config: SshOptions['config'] = (alias) => ({
      identityFiles: [],
      ...(alias === 'lab-master' ? { ...way, hostKeyAlias: 'lab-master' } : {}),
    });
    const hosts = testbed().hosts.map((host) => (host.name === 'master-1' ? { ...host, address: 'lab-master' } : host));
    const phases: Phase[] = [
      phaseOf('first', () => [onceStep(folder, 'a', {}, 'sleep 1'), onceStep(folder, 'b')]),
      {
        id: 'second',
        title: 'Phase second',
        steps: (host, context) => [onceStep(folder, `at-${addressOf(host, context)}`)],
      },
    ];
    let isMoved = false;
    try {
      const up = await run(phases, {
        testbed: { ...testbed(), hosts },
        ssh: { ...ssh, config },
        onEach: when('master-1', 'a', () => {
          proxy.setOpen(false);
          proxy.cut();
          changeAddress('master-1', address, moved);
          isMoved = true;
          way = { hostName: moved, port };
        }),
      });
      expect(up.failures).toEqual([]);
      expect(up.changed.filter((step) => step.startsWith('master-1'))).toEqual([
        'master-1 a',
        `master-1 at-${moved}`,
        'master-1 b',
      ]);
      expect(up.events.flatMap((event) => (event.type === 'warning' ? [event.text] : []))).toContain(
        `its address was ${address} and is ${moved} now`,
      );
    } finally {
      if (isMoved) changeAddress('master-1', moved, address);
      await proxy.close();
    }
    expect(applied('master-1', folder)).toEqual(['a', 'b', `at-${moved}`]);
    expect(noLeases()).toBe('');
  });

  it('is given up after a while, in a sentence', async () => {
    const folder = '/var/tmp/gone';
    const { address, port } = fixture.host('master-1');
    const proxy = await startCuttingProxy(address, port);
    for (const key of fixture.host('master-1').hostKeys)
      await knownHosts.add('127.0.0.1', proxy.port, Buffer.from(key.split(' ')[1] ?? '', 'base64'));
    const phases = [phaseOf('only', () => [onceStep(folder, 'a', {}, 'sleep 1')])];
    const gone = await run(phases, {
      testbed: testbed({ 'master-1': proxy }),
      patienceMs: 1000,
      onEach: when('master-1', 'a', () => {
        proxy.setOpen(false);
        proxy.cut();
      }),
    });
    expect(gone.finished.state).toBe('failed');
    expect(gone.failures).toEqual([
      expect.objectContaining({ code: 'unreachable', host: 'master-1', cause: expect.stringContaining('it was waited for 1 s') }),
    ]);
    proxy.setOpen(true);
    const again = await run(phases, { testbed: testbed({ 'master-1': proxy }) });
    expect(again.finished.state).toBe('done');
    expect(applied('master-1', folder)).toEqual(['a']);
    await proxy.close();
  });
});

describe('a part of a recipe, and a plan', () => {
  const folder = '/var/tmp/part';
  const phases = () => ['one', 'two', 'three'].map((id) => phaseOf(id, () => [onceStep(folder, id)]));

  it('is carried out when what it needs is in place, and refused by name when not', async () => {
    const refused = await run(phases(), { only: ['two'] });
    expect(refused.failures.map(({ message }) => message)).toEqual([
      'management, two: it needs the phase one, which is left out and not in place (Do one). Carry out one too, or first',
      'master-1, two: it needs the phase one, which is left out and not in place (Do one). Carry out one too, or first',
    ]);
    expect((await run(phases(), { only: ['one'] })).changed).toEqual(['management one', 'master-1 one']);
    expect((await run(phases(), { only: ['two'], hosts: ['master-1'] })).changed).toEqual(['master-1 two']);
    expect((await run(phases(), { skip: ['three'] })).changed).toEqual(['management two']);
    expect((await run(phases(), { only: ['thre'] })).failures).toEqual([expect.objectContaining({ code: 'refused' })]);
  });

  it('is refused when the hosts are not what the plan was made of, and changes nothing then', async () => {
    const plan = readPlan(writePlan(await makePlan({ testbed: testbed(), phases: phases(), ssh, stateFolder })));
    expect(plan.steps.map(({ state }) => state)).toEqual(['in-place', 'in-place', 'in-place', 'in-place', 'change', 'change']);
    fixture.ssh('management', `sudo rm ${folder}/two`);
    const drifted = await run(phases(), { plan });
    expect(drifted.failures).toEqual([
      expect.objectContaining({
        code: 'drift',
        cause: expect.stringContaining('management, two: "Do two" was in place, now it is to be done'),
      }),
    ]);
    expect(drifted.changed).toEqual([]);
    fixture.ssh('management', `sudo touch ${folder}/two`);
    const up = await run(phases(), { plan });
    expect(up.failures).toEqual([]);
    expect(up.changed).toEqual(['management three', 'master-1 three']);
    expect(noLeases()).toBe('');
  });
});
