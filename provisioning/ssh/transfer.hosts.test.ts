import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCuttingProxy } from '../../test/faults/cutting-proxy.ts';
import { SshPool } from './pool.ts';
import { type LoopbackSshd, startLoopbackSshd } from './sshd.fixture.ts';
import type { Transfer } from './transfer.ts';

let sshd: LoopbackSshd;
let pool: SshPool;
beforeAll(async () => {
  sshd = await startLoopbackSshd('transfer', 'MaxSessions 2');
  pool = new SshPool({ knownHosts: sshd.knownHosts, agent: null });
});
afterAll(async () => {
  await pool?.close();
  await sshd?.stop();
});

async function fileOf(bytes: number, name: string): Promise<Transfer & { content: Buffer }> {
  const content = randomBytes(bytes);
  const source = path.join(sshd.folder, `${name}-source`);
  await writeFile(source, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { source, path: path.join(sshd.folder, 'there', name), mode: '0644', sha256, content };
}

describe('a transfer', () => {
  it('goes on where the connection was cut, each time', async () => {
    const proxy = await startCuttingProxy('127.0.0.1', sshd.port);
    const behind = { ...sshd.host, port: proxy.port };
    await sshd.knownHosts.add('127.0.0.1', proxy.port, sshd.hostKey);
    const cutPool = new SshPool({ knownHosts: sshd.knownHosts, agent: null });
    const file = await fileOf(24_000_000, 'cut');
    let cuts = 0;
    const sent = await cutPool.transfer(behind, file, {
      onProgress: (bytes) => {
        if (bytes < (cuts + 1) * 8_000_000 || cuts === 2) return;
        cuts++;
        proxy.cut();
      },
    });
    await cutPool.close();
    await proxy.close();
    expect(cuts).toBe(2);
    expect((await readFile(file.path)).equals(file.content)).toBe(true);
    // What was on its way when it was cut is sent again; all of it would be 48 million bytes.
    expect(sent).toBeLessThan(45_000_000);
    expect(await readdir(path.dirname(file.path))).toEqual(['cut']);
  });

  it('goes on in another run, and starts over when the host kept other bytes', async () => {
    const file = await fileOf(2_000_000, 'resumed');
    const incoming = `${file.path}.${file.sha256.slice(0, 16)}.incoming`;
    await pool.execute(sshd.host, `mkdir -p ${path.dirname(file.path)}`);
    await writeFile(incoming, file.content.subarray(0, 1_500_000));
    await writeFile(`${file.path}.0123456789abcdef.incoming`, 'of another file');
    expect(await pool.transfer(sshd.host, file)).toBe(500_000);
    await rm(file.path);
    await writeFile(incoming, Buffer.alloc(1_500_000));
    expect(await pool.transfer(sshd.host, file)).toBe(2_500_000);
    expect((await readFile(file.path)).equals(file.content)).toBe(true);
    expect((await readdir(path.dirname(file.path))).filter((name) => name.startsWith('resumed'))).toEqual(['resumed']);
  });

  it('sends what several ask for once, and many files within the sessions that sshd allows', async () => {
    const file = await fileOf(1_000_000, 'once');
    const sent = await Promise.all(Array.from({ length: 3 }, () => pool.transfer(sshd.host, file)));
    expect(sent.sort()).toEqual([0, 0, 1_000_000]);
    const many = await Promise.all(Array.from({ length: 3 }, (_, index) => fileOf(100_000, `many-${index}`)));
    await Promise.all(many.map((one) => pool.transfer(sshd.host, one)));
    for (const one of many) expect((await readFile(one.path)).equals(one.content)).toBe(true);
  });
});
