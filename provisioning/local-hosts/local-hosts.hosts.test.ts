import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { helperPath, useHosts } from '../../test/hosts/fixture.ts';
import { LocalHosts } from './local-hosts.ts';
import { missingPrograms } from './verbs.ts';

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
  });

  it('have the CPU they were given: half a core cannot use a whole one', () => {
    const script =
      'timeout 2 sh -c "while :; do :; done"; cat /sys/fs/cgroup/cpu/cpu.stat 2>/dev/null || cat /sys/fs/cgroup/cpu.stat';
    const throttled = Number(/nr_throttled (\d+)/.exec(fixture.ssh('alpha', script))?.[1]);
    expect(throttled).toBeGreaterThan(0);
  });

  it('come back from a power cut with their disk and their keys', async () => {
    fixture.ssh('alpha', 'echo kept > ~/note && sync');
    await fixture.controls.powerCut(fixture.testbed, 'alpha');
    expect(() => fixture.ssh('alpha', 'true')).toThrow();
    const again = await fixture.controls.start(fixture.testbed, 'alpha');
    expect(again).toEqual(fixture.host('alpha'));
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
    await expect.poll(() => fixture.controls.clean(), { timeout: 20_000, interval: 200 }).toEqual([orphan]);
    expect(traces(networkIndex(gamma?.address))).toEqual(nothing);

    const index = networkIndex(fixture.host('alpha').address);
    expect(traces(index).processes).not.toEqual([]);
    await fixture.controls.destroy(fixture.testbed);
    expect(traces(index)).toEqual(nothing);
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(fixture.testbed);
    expect((await fixture.controls.list()).map((one) => one.testbed)).not.toContain(fixture.testbed);
  });
});

const nothing = { links: [], namespaces: [], rules: [], processes: [], cgroups: [] };
const networkIndex = (address = ''): string => address.split('.')[2] ?? 'none';

describe('without what local hosts need', () => {
  it('the packages to install are named', () => {
    expect(missingPrograms('/nowhere')).toEqual(['mmdebstrap', 'systemd-container', 'iproute2', 'iptables', 'openssh-client']);
    expect(new LocalHosts({ helper: helperPath }).unavailable()).toBeNull();
  });
});
