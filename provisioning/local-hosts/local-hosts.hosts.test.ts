import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { helperPath, useHosts } from '../../test/hosts/fixture.ts';
import { removeFolder } from './remove.ts';

/** Everything on this computer that the local hosts of network `index` could leave behind; other testbeds' are not ours to count. */
function traces(index: string): Record<string, string[]> {
  const ours = new RegExp(`mlh${index}(h\\d+)?\\b|10\\.99\\.${index}\\.`);
  const lines = (program: string, ...args: string[]) =>
    execFileSync(program, args, { encoding: 'utf8' })
      .split('\n')
      .filter((line) => ours.test(line));
  return {
    links: lines('ip', '-o', 'link'),
    namespaces: lines('ip', 'netns'),
    rules: lines('iptables-save'),
    processes: lines('ps', '-eo', 'args'),
    cgroups: lines('find', '/sys/fs/cgroup', '-maxdepth', '3', '-name', 'mlsysops-*'),
  };
}

/** Uses a second of CPU time, however long that takes beside others. */
const burn = 'sh -c "ulimit -t 1; while :; do :; done" 2>/dev/null || true';

describe('local hosts', () => {
  const fixture = useHosts(['alpha', 'beta'], { cpus: 0.5 });

  it('are systems of their own, with systemd, sudo, names and a way to each other', () => {
    expect(fixture.ssh('alpha', 'hostname').trim()).toBe('alpha');
    expect(fixture.ssh('beta', 'sudo -n id -u').trim()).toBe('0');
    expect(fixture.ssh('alpha', 'ps -o comm= -p 1').trim()).toBe('systemd');
    expect(fixture.ssh('alpha', 'systemctl is-system-running --wait || true').trim()).toMatch(/^(running|degraded)$/);
    expect(fixture.ssh('alpha', 'systemctl is-active containerd').trim()).toBe('active');
    expect(fixture.ssh('alpha', `ping -c 1 -W 2 ${fixture.host('beta').address} >/dev/null && echo reached`).trim()).toBe(
      'reached',
    );
    expect(() => execFileSync('ssh', fixture.sshArguments('alpha', 'root', 'true'), { stdio: 'pipe' })).toThrow(
      /Permission denied/,
    );
    // Its cards, and none of the computer's.
    expect(fixture.ssh('alpha', 'ls /sys/class/net').trim().split(/\s+/).sort()).toEqual(
      fixture.ssh('alpha', "ip -o link | sed -E 's/^[0-9]+: ([^:@]+).*/\\1/'").trim().split(/\s+/).sort(),
    );
    expect(fixture.ssh('alpha', 'cat /sys/class/net/eth0/address').trim()).toMatch(/^02:6d:6c:/);
  });

  it('can do what Kubernetes asks of a host: containers with limits, and address translation of their own', () => {
    const script = `set -e
      store=/var/lib/containerd/test-root; mkdir -p $store/bin $store/proc; cp /bin/cat $store/bin/
      for library in $(ldd /bin/cat | grep -o '/lib[^ ]*'); do mkdir -p $store$(dirname $library); cp $library $store$library; done
      ctr run --rm --memory-limit 50000000 --rootfs $store contained /bin/cat /proc/self/cgroup
      nft add table ip probe; nft add chain ip probe before '{ type nat hook prerouting priority dstnat; }'
      nft add rule ip probe before tcp dport 8081 redirect to :22; nft list table ip probe; nft delete table ip probe
      echo 1 >/proc/sys/vm/overcommit_memory; echo 1 >/proc/sys/net/ipv4/ip_forward`;
    const told = execFileSync('ssh', fixture.sshArguments('beta', 'researcher', 'sudo sh'), { input: script, encoding: 'utf8' });
    expect(told).toMatch(/contained$/m);
    expect(told).toContain('redirect to :22');
  });

  it("read their own CPU and memory use, not the computer's", () => {
    const memory = Number(
      fixture.ssh('beta', 'cat /sys/fs/cgroup/memory/memory.usage_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.current'),
    );
    expect(memory).toBeGreaterThan(5e6);
    expect(memory).toBeLessThan(1e9);
    const usedUs = () =>
      Number(
        fixture.ssh(
          'beta',
          "if [ -e /sys/fs/cgroup/cpuacct/cpuacct.usage ]; then echo $(($(cat /sys/fs/cgroup/cpuacct/cpuacct.usage) / 1000)); else awk '/^usage_usec/{print $2}' /sys/fs/cgroup/cpu.stat; fi",
        ),
      );
    const before = usedUs();
    fixture.ssh('alpha', burn);
    const idle = usedUs() - before;
    fixture.ssh('beta', burn);
    expect(usedUs() - before - idle).toBeGreaterThan(idle + 400_000);
  });

  it("cannot change what is the whole computer's", () => {
    const files = [
      '/proc/sys/vm/swappiness',
      '/proc/sys/vm/overcommit_memory',
      '/proc/sys/kernel/panic',
      '/proc/sys/fs/file-max',
    ];
    const values = () => files.map((file) => readFileSync(file, 'utf8'));
    const before = values();
    const attempt = files.map((file) => `echo 7 >${file}`).join('; ');
    fixture.ssh('alpha', `sudo sh -c '${attempt}; date -s 2001-01-01; true' 2>/dev/null`);
    expect(values()).toEqual(before);
    expect(new Date().getFullYear()).toBeGreaterThan(2001);
    expect(fixture.ssh('alpha', 'wc -l </proc/swaps').trim()).toBe('1');
  });

  it('are booted again by a reboot from within', async () => {
    const firstProcess = () => fixture.ssh('beta', 'cat /proc/sys/kernel/random/boot_id');
    const before = firstProcess();
    try {
      fixture.ssh('beta', 'sudo systemctl reboot');
    } catch {
      // The connection may end before the command does.
    }
    const after = () => {
      try {
        return firstProcess();
      } catch {
        return before;
      }
    };
    await expect.poll(after, { timeout: 60_000 }).not.toBe(before);
  });

  it('have the CPU they were given: half a core cannot use a whole one', async () => {
    // Where the computer is busy, one loop may not get even half a core.
    const loops = `for loop in 1 2 3 4; do { ${burn}; } & done; wait`;
    const throttled = () =>
      Number(
        /nr_throttled (\d+)/.exec(
          fixture.ssh('alpha', `${loops}; cat /sys/fs/cgroup/cpu/cpu.stat 2>/dev/null || cat /sys/fs/cgroup/cpu.stat`),
        )?.[1],
      );
    await expect.poll(throttled, { timeout: 60_000, interval: 0 }).toBeGreaterThan(0);
  });

  it('come back from a power cut with their disk and their keys', async () => {
    fixture.ssh('alpha', 'echo kept > ~/note && sync');
    // Others must find it where it was: with a new hardware address they would talk to the old one for up to a minute.
    const bridge = `/sys/class/net/mlh${networkIndex(fixture.host('alpha').address)}/address`;
    const addresses = () => [fixture.ssh('alpha', 'cat /sys/class/net/eth0/address'), readFileSync(bridge, 'utf8')];
    const before = addresses();
    await fixture.controls.powerCut(fixture.testbed, 'alpha');
    expect(() => fixture.ssh('alpha', 'true')).toThrow();
    const again = await fixture.controls.start(fixture.testbed, 'alpha');
    expect(again).toEqual(fixture.host('alpha'));
    expect(addresses()).toEqual(before);
    expect(fixture.ssh('alpha', 'cat ~/note').trim()).toBe('kept');
  });

  it('can be cut off and joined again', async () => {
    const ping = `ping -c 1 -W 1 ${fixture.host('beta').address} >/dev/null && echo reached || echo lost`;
    await fixture.controls.partition(fixture.testbed, 'beta');
    expect(fixture.ssh('alpha', ping).trim()).toBe('lost');
    await fixture.controls.heal(fixture.testbed, 'beta');
    await expect.poll(() => fixture.ssh('alpha', ping).trim(), { timeout: 20_000 }).toBe('reached');
  });

  it('get new keys and an empty disk when re-imaged', async () => {
    const old = fixture.host('beta').hostKeys;
    const fresh = await fixture.controls.reImage(fixture.testbed, 'beta');
    expect(fresh.hostKeys).not.toEqual(old);
    expect(() => fixture.ssh('beta', 'true')).toThrow(/HOST IDENTIFICATION HAS CHANGED|Host key verification failed/);
  });

  it('open to the key that was given last, and are not made twice', async () => {
    const other = `${fixture.folder}/other`;
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'other', '-f', other]);
    const again = (key: string) =>
      fixture.controls.create({
        testbed: fixture.testbed,
        hosts: [{ name: 'alpha' }],
        authorizedKey: readFileSync(`${key}.pub`, 'utf8').trim(),
      });
    const hosts = await again(other);
    expect(hosts.map((host) => host.name)).toEqual(['alpha', 'beta']);
    expect(hosts[0]).toEqual(fixture.host('alpha'));
    expect(() => fixture.ssh('alpha', 'true')).toThrow(/Permission denied/);
    await again(fixture.identityFile);
    expect(fixture.ssh('alpha', 'cat ~/note').trim()).toBe('kept');
  });

  it('get a network each when two testbeds are made at once', async () => {
    const names = ['first', 'second'].map((name) => `${fixture.testbed}-${name}`);
    const authorizedKey = readFileSync(`${fixture.identityFile}.pub`, 'utf8').trim();
    const made = await Promise.all(
      names.map((testbed) =>
        fixture.controls.create({ testbed, hosts: [{ name: 'one' }], authorizedKey, ownerPid: process.pid }),
      ),
    );
    const networks = made.map(([host]) => networkIndex(host?.address));
    expect(new Set([...networks, networkIndex(fixture.host('alpha').address)]).size).toBe(3);
    await Promise.all(names.map((name) => fixture.controls.destroy(name)));
    for (const index of networks) expect(traces(index)).toEqual(nothing);
  });

  it('refuse a request that is not one of theirs', () => {
    const ask = (request: unknown) =>
      spawnSync(process.execPath, [helperPath], { input: JSON.stringify(request), encoding: 'utf8' }).stdout;
    expect(ask({ verb: 'destroy', testbed: '../../etc' })).toContain('not a request');
    expect(ask({ verb: 'create', testbed: 'x', hosts: [{ name: 'a;reboot' }], authorizedKey: 'ssh-ed25519 AAAA' })).toContain(
      'not a request',
    );
    expect(ask({ verb: 'run', command: 'id' })).toContain('not a request');
  });

  it('leave nothing behind, also when their owner died', async () => {
    const child = execFileSync('sh', ['-c', 'sleep 1000 >/dev/null 2>&1 & echo $!'], { encoding: 'utf8' }).trim();
    const orphan = `orphan-${process.pid}`;
    const [gamma] = await fixture.controls.create({
      testbed: orphan,
      hosts: [{ name: 'gamma' }],
      authorizedKey: readFileSync(`${fixture.identityFile}.pub`, 'utf8').trim(),
      ownerPid: Number(child),
    });
    process.kill(Number(child), 'SIGKILL');
    // Another file's tests may be the ones that clean up.
    const left = async () => {
      await fixture.controls.clean();
      return (await fixture.controls.list()).map(({ testbed }) => testbed);
    };
    await expect.poll(left, { timeout: 20_000, interval: 200 }).not.toContain(orphan);
    expect(traces(networkIndex(gamma?.address))).toEqual(nothing);

    const index = networkIndex(fixture.host('alpha').address);
    expect(traces(index).processes).not.toEqual([]);
    await fixture.controls.destroy(fixture.testbed);
    expect(traces(index)).toEqual(nothing);
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(fixture.testbed);
    expect((await fixture.controls.list()).map((one) => one.testbed)).not.toContain(fixture.testbed);
  });
});

describe('removing what a killed helper left mounted', () => {
  it('never deletes through a mount', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mlsysops left over-'));
    const [outside, inside] = [join(folder, 'outside'), join(folder, 'in side')];
    for (const path of [outside, join(inside, 'dev/shm')]) mkdirSync(path, { recursive: true });
    writeFileSync(join(outside, 'precious'), 'kept');
    execFileSync('mount', ['--bind', outside, join(inside, 'dev/shm')]);
    symlinkSync(folder, `${folder}.link`);
    await removeFolder(join(`${folder}.link`, 'in side'));
    expect(readdirSync(folder)).toEqual(['outside']);
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('kept');
    for (const path of [`${folder}.link`, folder]) rmSync(path, { recursive: true });
  });
});

const nothing = { links: [], namespaces: [], rules: [], processes: [], cgroups: [] };
const networkIndex = (address = ''): string => address.split('.')[2] ?? 'none';
