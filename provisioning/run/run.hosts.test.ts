import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { useHosts } from '../../test/hosts/fixture.ts';
import { KnownHosts } from '../ssh/known-hosts.ts';
import { SshPool } from '../ssh/pool.ts';
import { type Testbed, testbedSchema } from '../testbed/schema.ts';
import type { RunEvent } from './events.ts';
import { Gate } from './gate.ts';
import { journalFile, readJournal } from './journal.ts';
import type { Phase, Step } from './phase.ts';
import { makePlan } from './plan.ts';
import { startRun } from './run.ts';

// biome-ignore lint/correctness/useHookAtTopLevel: a fixture of tests, not a hook of React
const fixture = useHosts(['management', 'master-1', 'worker-1', 'worker-2']);

const testbed = (over: Record<string, object> = {}): Testbed =>
  testbedSchema.parse({
    name: 'lab',
    kind: 'hosts',
    hosts: fixture.hosts.map(({ name, address, port, user }) => ({
      name,
      address,
      port,
      user,
      identityFile: fixture.identityFile,
      role: name === 'management' ? 'management' : name === 'master-1' ? 'master' : 'worker',
      cluster: name === 'management' ? 'management' : 'cluster1',
      ...over[name],
    })),
    clusters: {
      management: { podCidr: '10.210.0.0/16', serviceCidr: '10.211.0.0/16' },
      cluster1: { podCidr: '10.212.0.0/16', serviceCidr: '10.213.0.0/16' },
    },
  });

const ssh = (file = fixture.knownHostsFile) => ({ knownHosts: new KnownHosts(file), agent: null });

/** A file as a step. */
const fileStep = (file: string, more: Partial<Step> = {}): Step => ({
  id: path.basename(file),
  title: `Make ${file}`,
  observe: `[ -e ${file} ]`,
  change: `mkdir -p ${path.dirname(file)}; echo made >${file}`,
  undo: `rm -f ${file}`,
  ...more,
});
const phaseOf = (id: string, steps: (host: string) => Step[], more: Partial<Phase> = {}): Phase => ({
  id,
  title: `Phase ${id}`,
  steps: (host) => steps(host.name),
  ...more,
});

async function run(
  phases: Phase[],
  options: Partial<Parameters<typeof startRun>[0]> & { onEach?: (event: RunEvent) => void } = {},
) {
  const events: RunEvent[] = [];
  const { onEach, ...rest } = options;
  const stateFolder = path.join(fixture.folder, 'state');
  const onEvent = (event: RunEvent) => {
    events.push(event);
    onEach?.(event);
  };
  const finished = await startRun({ testbed: testbed(), phases, verb: 'up', ssh: ssh(), stateFolder, onEvent, ...rest });
  const cells = new Map<string, string>();
  for (const event of events) if (event.type === 'cell') cells.set(`${event.phase} ${event.host}`, event.state);
  const failures = events.flatMap((event) => (event.type === 'failure' ? [event.failure] : []));
  return { finished, events, cells: Object.fromEntries(cells), failures, stateFolder };
}

describe('a run on four hosts', () => {
  const planted = `planted-${randomBytes(9).toString('hex')}`;
  const large = () => {
    const file = path.join(fixture.folder, 'large');
    if (!existsSync(file)) writeFileSync(file, randomBytes(2_000_000));
    return file;
  };
  const recipe = (folder: string): Phase[] => {
    const sha256 = execFileSync('sha256sum', [large()], { encoding: 'utf8' }).slice(0, 64);
    return [
      phaseOf('first', () => [
        fileStep(`${folder}/a`),
        fileStep(`${folder}/secret`, {
          files: async () => [{ path: `${folder}/secret`, mode: '0600', content: `password: ${planted}\n`, secret: true }],
          // A careless step that prints it, and shows what every process was started with.
          change: `cat ${folder}/secret; echo 'it is ${planted}' >&2; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' ' >${folder}/processes`,
        }),
        fileStep(`${folder}/large`, {
          files: async () => [{ path: `${folder}/large`, mode: '0644', localPath: large(), sha256 }],
          change: async () => `[ -e ${folder}/secret ]`,
        }),
      ]),
      phaseOf('second', (host) => (host === 'worker-2' ? [] : [fileStep(`${folder}/b`)]), {
        needs: (host) => [
          { host: 'management', phase: 'first' },
          { host: host.name, phase: 'first' },
        ],
      }),
    ];
  };

  it('changes what is missing, then nothing, then back; secrets are seen nowhere', async () => {
    // What a noisy .bashrc says must not be taken for what a script says.
    fixture.ssh(
      'management',
      'printf "echo hostname noise\\necho noise >&2\\n" | cat - ~/.bashrc >~/.noisy; mv ~/.noisy ~/.bashrc',
    );
    const phases = recipe('/var/tmp/one');
    const plan = await makePlan({ testbed: testbed(), phases, ssh: ssh(), stateFolder: path.join(fixture.folder, 'state') });
    expect(plan.steps.filter((step) => step.state === 'change')).toHaveLength(4 * 3 + 3);

    let after = 0;
    phases[1]!.after = async (context) => {
      after++;
      expect(await context.execute('management', 'id -un')).toBe('root\n');
    };
    const up = await run(phases);
    expect(up.failures).toEqual([]);
    expect(up.finished).toMatchObject({ state: 'done', changed: 15, inPlace: 0 });
    expect(up.cells['second worker-2']).toBe('none');
    expect(after).toBe(1);
    expect(fixture.ssh('worker-1', 'sudo sha256sum </var/tmp/one/large').slice(0, 64)).toBe(
      execFileSync('sha256sum', [large()], { encoding: 'utf8' }).slice(0, 64),
    );
    expect(fixture.ssh('worker-1', 'sudo stat -c %a /var/tmp/one/secret')).toBe('600\n');

    const again = await run(phases);
    expect(again.finished).toMatchObject({ state: 'done', changed: 0, inPlace: 15 });
    expect(again.cells['first worker-1']).toBe('in-place');
    process.stdout.write(`fresh: ${up.finished.summary}\nagain: ${again.finished.summary}\n`);

    const files = readdirSync(path.join(up.stateFolder, 'runs'));
    expect(files.length).toBe(2);
    for (const file of files) expect(readFileSync(path.join(up.stateFolder, 'runs', file), 'utf8')).not.toContain(planted);
    expect(JSON.stringify(up.events)).toContain('it is •••');
    expect(fixture.ssh('worker-1', 'sudo cat /var/tmp/one/processes')).toContain('/bin/sh -s');
    expect(fixture.ssh('worker-1', 'sudo cat /var/tmp/one/processes')).not.toContain(planted);
    const started = up.events[0];
    if (started?.type !== 'started') throw new Error('a run begins by saying so');
    expect(await readJournal(journalFile(up.stateFolder, started.run))).toEqual(up.events);

    const down = await run(phases, { verb: 'down' });
    expect(down.finished).toMatchObject({ state: 'done', changed: 15 });
    expect(fixture.ssh('worker-1', 'ls /var/tmp/one')).toBe('processes\n');
    expect((await run(phases, { verb: 'down' })).finished).toMatchObject({ state: 'done', changed: 0 });
  });

  it('lets one bad step stop its host and what needs it, and names everything a person needs', async () => {
    const folder = '/var/tmp/two';
    const phases = [
      phaseOf('first', (host) => [
        fileStep(`${folder}/a`),
        fileStep(`${folder}/b`, {
          ...(host === 'worker-1' && { change: 'echo fine; echo "E: could not get it" >&2; exit 7' }),
          remedies: [{ pattern: /could not get/, remedy: 'Get it by hand' }],
        }),
        fileStep(`${folder}/c`),
      ]),
      phaseOf('second', () => [fileStep(`${folder}/d`)]),
      phaseOf('third', (host) => (host === 'master-1' ? [fileStep(`${folder}/e`)] : []), {
        needs: () => [{ host: 'worker-1', phase: 'second' }],
        after: () => Promise.reject(new Error('not reached')),
      }),
    ];
    const { finished, cells, failures } = await run(phases);
    expect(finished.state).toBe('failed');
    expect(failures).toEqual([
      expect.objectContaining({
        host: 'worker-1',
        phase: 'first',
        step: 'b',
        command: expect.stringContaining('exit 7'),
        exitCode: 7,
        stderr: 'E: could not get it',
        remedy: 'Get it by hand',
        message: 'worker-1, first: b: E: could not get it (exit code 7). Get it by hand',
      }),
    ]);
    expect(cells).toMatchObject({
      'first worker-1': 'failed',
      'second worker-1': 'held',
      'first worker-2': 'done',
      'second worker-2': 'done',
      'second management': 'done',
      'third master-1': 'held',
    });
    expect(fixture.ssh('worker-1', `ls ${folder}`)).toBe('a\n');
    expect(fixture.ssh('worker-2', `ls ${folder}`)).toBe('a\nb\nc\nd\n');
  });

  it('is stopped in the middle of a step, and completes the next time', async () => {
    const folder = '/var/tmp/three';
    // Only where nobody has been yet it takes for ever.
    const slow = `if [ ! -e ${folder}/seen ]; then touch ${folder}/seen; sleep 600; fi; echo made >${folder}/b`;
    const phases = [
      phaseOf('first', (host) => [
        fileStep(`${folder}/a`),
        fileStep(`${folder}/b`, host === 'worker-2' ? { change: slow } : {}),
        fileStep(`${folder}/c`),
      ]),
    ];
    const controller = new AbortController();
    const stopped = await run(phases, {
      signal: controller.signal,
      onEach: (event) => {
        if (event.type === 'step' && event.host === 'worker-2' && event.step === 'b' && event.state === 'running')
          controller.abort();
      },
    });
    expect(stopped.finished.state).toBe('cancelled');
    expect(stopped.cells['first worker-2']).toBe('held');
    expect(fixture.ssh('worker-2', 'pgrep -x -f "sleep 600" || true')).toBe('');
    const completed = await run(phases);
    expect(completed.failures).toEqual([]);
    expect(completed.finished.state).toBe('done');
    expect(fixture.ssh('worker-2', `ls ${folder}`)).toBe('a\nb\nc\nseen\n');
  });
});

describe('a run that is paused', () => {
  it('ends what it has begun, keeps the hosts, begins nothing, and goes on where it was', async () => {
    const gate = new Gate();
    const phases = ['first', 'second'].map((id) =>
      phaseOf(id, () => [
        fileStep(`/var/tmp/paused/${id}`, { change: `sleep 0.5; mkdir -p /var/tmp/paused; echo >/var/tmp/paused/${id}` }),
      ]),
    );
    let resumed: Promise<void> | null = null;
    const resume = async () => {
      // The first phase ends everywhere meanwhile.
      for (const { name } of fixture.hosts)
        fixture.ssh(name, 'for i in $(seq 50); do [ -e /var/tmp/paused/first ] && exit 0; sleep 0.1; done; exit 1');
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(fixture.ssh('worker-1', 'ls /var/tmp/paused; test -s /run/mlsysops.lease && echo held')).toMatch(/^first\s+held/);
      gate.open();
    };
    const { finished, events } = await run(phases, {
      gate,
      onEach: (event) => {
        if (resumed || event.type !== 'step' || event.step !== 'first') return;
        gate.close();
        resumed = resume();
      },
    });
    await resumed;
    expect(finished).toMatchObject({ state: 'done', changed: 8 });
    const order = events.flatMap((event) =>
      event.type === 'paused' ? [String(event.paused)] : event.type === 'step' && event.state === 'running' ? [event.step] : [],
    );
    expect(order.slice(order.indexOf('false'))).toEqual(['false', 'second', 'second', 'second', 'second']);
  });
});

describe('a run that meets a bad host', () => {
  const phases = [phaseOf('only', () => [fileStep('/var/tmp/bad/a')])];

  it('names cause and remedy: wrong key, closed port, unknown and changed host key; the others go on', async () => {
    const wrong = path.join(fixture.folder, 'wrong');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', wrong]);
    const lines = readFileSync(fixture.knownHostsFile, 'utf8').split('\n');
    const without = (name: string) => lines.filter((line) => !line.startsWith(`${fixture.host(name).address} `));
    const mixed = path.join(fixture.folder, 'mixed');
    const another = readFileSync(`${wrong}.pub`, 'utf8');
    const addressOf = (name: string) => fixture.host(name).address;
    writeFileSync(
      mixed,
      [
        ...without('worker-1').filter((line) => !line.startsWith(`${addressOf('worker-2')} `)),
        `${addressOf('worker-2')} ${another}`,
      ].join('\n'),
    );
    const { finished, cells, failures } = await run(phases, {
      testbed: testbed({ management: { identityFile: wrong }, 'master-1': { port: 1 } }),
      ssh: ssh(mixed),
    });
    expect(finished.state).toBe('failed');
    expect(Object.fromEntries(failures.map((failure) => [failure.host, failure.code]))).toEqual({
      management: 'authentication',
      'master-1': 'unreachable',
      'worker-1': 'host-key-unknown',
      'worker-2': 'host-key-changed',
    });
    for (const failure of failures) {
      expect(failure.message).toMatch(new RegExp(`^${failure.host}, connect: `));
      expect(failure.remedy).toBeTruthy();
    }
    expect(cells['only worker-1']).toBe('held');
    // A look at all of them tells it of each, and what it saw on the others.
    const bad = testbed({ management: { identityFile: wrong }, 'master-1': { port: 1 } });
    const look = { testbed: bad, phases: [], ssh: ssh(), stateFolder: path.join(fixture.folder, 'state') };
    const { checks = [] } = await makePlan({ ...look, goOn: true });
    const errors = checks.filter(({ severity }) => severity === 'error').map(({ host, id }) => `${host} ${id}`);
    expect(errors).toEqual(['management authentication', 'master-1 unreachable']);
    expect(new Set(checks.filter(({ id }) => id === 'clock').map(({ host }) => host))).toEqual(new Set(['worker-1', 'worker-2']));
    await expect(makePlan(look)).rejects.toThrow(/^management, connect: [\s\S]*\nBesides: master-1, connect: /);

    const one = await run(phases, { testbed: testbed({ 'worker-1': { port: 1 } }) });
    expect(one.failures.map((failure) => failure.code)).toEqual(['unreachable']);
    expect(one.cells).toMatchObject({ 'only worker-1': 'held', 'only worker-2': 'done', 'only management': 'done' });
  });

  it('finds port 6443 taken, says by whom, and changes nothing there', async () => {
    // Without a variable, which systemd would expand.
    const listen = 'for(IO::Socket::INET->new(Listen=>1,LocalPort=>6443,ReuseAddr=>1)){sleep 3600}';
    const heard = 'for i in $(seq 50); do ss -Hltn sport = :6443 | grep -q . && exit 0; sleep 0.1; done; exit 1';
    fixture.ssh('master-1', `sudo systemd-run -q --unit=squatter perl -MIO::Socket::INET -e '${listen}'; ${heard}`);
    const { failures, cells } = await run([phaseOf('only', () => [fileStep('/var/tmp/port/a')])], {});
    fixture.ssh('master-1', 'sudo systemctl stop squatter');
    expect(failures).toEqual([
      expect.objectContaining({
        code: 'preflight',
        host: 'master-1',
        phase: 'preflight',
        cause: expect.stringMatching(/port 6443.* is held by perl \(pid \d+\)/),
        remedy: expect.stringContaining('Stop perl on master-1'),
      }),
    ]);
    expect(cells).toMatchObject({ 'only master-1': 'held', 'only worker-1': 'done' });
    expect(fixture.ssh('master-1', 'ls /var/tmp/port 2>/dev/null || true')).toBe('');
  });

  it('asks for the sudo password where sudo wants one, on stdin alone', async () => {
    const password = `open-${randomBytes(6).toString('hex')}`;
    fixture.ssh(
      'worker-2',
      `echo 'researcher:${password}' | sudo chpasswd && sudo sh -c 'for file in /etc/sudoers.d/*; do sed -i "s/NOPASSWD://" $file; done'`,
    );
    const host = testbed().hosts.find((one) => one.name === 'worker-2')!;
    const refused = new SshPool(ssh());
    await expect(refused.execute(host, 'true')).rejects.toMatchObject({
      value: { code: 'sudo', remedy: expect.stringContaining('NOPASSWD') },
    });
    await refused.close();
    const asked: string[] = [];
    const answers = ['wrong', password];
    const pool = new SshPool({
      ...ssh(),
      ask: (request) => {
        asked.push(request.kind);
        return Promise.resolve(answers[asked.length - 1] ?? null);
      },
    });
    const look = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '; id -un";
    const { stdout } = await pool.execute(host, look);
    expect(stdout.trimEnd().endsWith('root')).toBe(true);
    expect(stdout).not.toContain(password);
    expect((await pool.execute(host, 'id -un')).stdout).toBe('root\n');
    expect(asked).toEqual(['sudo', 'sudo']);
    const source = randomBytes(400_000);
    const sha256 = execFileSync('sha256sum', { input: source, encoding: 'utf8' }).slice(0, 64);
    expect(await pool.transfer(host, { source, path: '/var/tmp/sent', mode: '0600', sha256 })).toBe(source.length);
    await pool.close();
  });
});
