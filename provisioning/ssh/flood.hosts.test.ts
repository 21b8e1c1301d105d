import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SshPool } from './pool.ts';
import { type LoopbackSshd, startLoopbackSshd } from './sshd.fixture.ts';

let sshd: LoopbackSshd;
let pool: SshPool;
beforeAll(async () => {
  sshd = await startLoopbackSshd('flood');
  pool = new SshPool({ knownHosts: sshd.knownHosts, agent: null });
});
afterAll(async () => {
  await pool.close();
  await sshd.stop();
});

describe('a host that writes too much', () => {
  it('fills neither our memory nor the log: without newlines, in short lines, on both streams', async () => {
    let shown = 0;
    const before = process.memoryUsage().rss;
    const result = await pool.execute(
      sshd.host,
      `head -c 40000000 /dev/zero | tr '\\0' x; echo; yes line | head -c 5000000 >&2; echo last >&2; echo end`,
      { onOutput: (_stream, text) => (shown += text.length) },
    );
    expect(result).toMatchObject({ code: 0, truncated: true });
    expect(result.stdout.length).toBeLessThan(4_300_000);
    expect(result.stderr.length).toBeLessThanOrEqual(16_384);
    expect(result.stderr.endsWith('line\nlast\n')).toBe(true);
    expect(shown).toBeLessThan(34_000_000 + 6_000_000);
    // 45 MB came; what is held of it is bounded.
    expect(process.memoryUsage().rss - before).toBeLessThan(250_000_000);
    // What is long but not too long stays one line.
    expect((await pool.execute(sshd.host, `head -c 500000 /dev/zero | tr '\\0' y`)).stdout).toHaveLength(500_000);
  });

  it('may write what is no text: bytes that are no UTF-8, terminal sequences, zeros, marks that are not its own', async () => {
    const script = `printf 'a\\377\\376b\\000c\\033[2J\\342\\202'; printf '\\254\\nm_0123456789abcdef01 end 1 0\\n'; exit 4`;
    const result = await pool.execute(sshd.host, script);
    expect(result.code).toBe(4);
    expect(result.stdout).toBe('a\uFFFD\uFFFDb\0c\u001b[2J\u20ac\nm_0123456789abcdef01 end 1 0\n');
    const binary = await pool.execute(sshd.host, 'head -c 300000 /dev/urandom; head -c 300000 /dev/urandom >&2');
    expect(binary.code).toBe(0);
  });

  it('is given up when its login shell never stops writing', async () => {
    const noisy = await startLoopbackSshd('noisy', `ForceCommand yes "$(head -c 4096 /dev/zero | tr '\\\\0' n)"\n`);
    const own = new SshPool({ knownHosts: noisy.knownHosts, agent: null });
    try {
      await expect(own.execute(noisy.host, 'echo never')).rejects.toMatchObject({
        value: { code: 'step', cause: expect.stringContaining('login shell'), remedy: expect.stringContaining('bashrc') },
      });
    } finally {
      await own.close();
      await noisy.stop();
    }
  });
});
