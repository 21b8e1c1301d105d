import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { testbedSchema } from '../../testbed/schema.ts';
import { makeAuthority, makeCertificate } from '../bus/certificates.ts';
import { exampleTestbed } from '../support/context-double.ts';
import { authorityFiles } from './authorities.ts';
import { proxyFiles } from './proxy.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'mlsysops-outside-'));
afterAll(() => rmSync(folder, { recursive: true }));
const now = Date.UTC(2026, 10, 1);
const file = (name: string, content: string): string => {
  writeFileSync(path.join(folder, name), content);
  return path.join(folder, name);
};

describe('certificate authorities of a testbed file', () => {
  it('travel one a file, without what stood around them, and the same one once', async () => {
    const [one, other] = await Promise.all(['one', 'other'].map((name) => makeAuthority(name, now)));
    const bundle = file('bundle.pem', `# a note\n${one!.certificate}\nwords\n${other!.certificate}`);
    const files = await authorityFiles([bundle, file('again.pem', one!.certificate)], now);
    expect(files.map(({ path: of, mode }) => `${of} ${mode}`)).toEqual([
      expect.stringMatching(/^\/usr\/local\/share\/ca-certificates\/mlsysops-[0-9a-f]{16}\.crt 0644$/),
      expect.stringMatching(/mlsysops/),
    ]);
    for (const { content } of files)
      expect(content).toMatch(/^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n$/);
  });

  it('that are none, are over, or cannot be read are refused by name', async () => {
    const authority = await makeAuthority('lab', now);
    const server = await makeCertificate(authority, 'server', ['server.lab'], now);
    const bad: [string, string, number?][] = [
      [path.join(folder, 'absent.pem'), 'cannot be read (ENOENT)'],
      [file('empty.pem', 'nothing'), 'holds no certificate'],
      [file('key.pem', authority.key), 'holds no certificate'],
      [file('broken.pem', authority.certificate.replace(/\n[A-Za-z]{3}/, '\n')), 'holds a certificate that cannot be read'],
      [file('server.pem', server.certificate), 'holds CN=server, which is not an authority'],
      [file('old.pem', authority.certificate), 'which was valid until', now + 20 * 365 * 86_400_000],
    ];
    for (const [name, said, at = now] of bad) {
      await expect(authorityFiles([name], at), name).rejects.toMatchObject({
        value: {
          code: 'invalid-file',
          cause: expect.stringContaining(`${name} of certificateAuthorities `),
          remedy: expect.any(String),
        },
      });
      await expect(authorityFiles([name], at), name).rejects.toThrow(said);
    }
  });
});

describe('the proxy of a testbed file', () => {
  it('is for the outside alone', () => {
    const testbed = { ...exampleTestbed(), proxy: { http: 'http://proxy.lab:3128/?a=%20"b', noProxy: ['.lab'] } };
    expect(proxyFiles(testbed, (host) => host.address)).toEqual([
      {
        path: '/etc/apt/apt.conf.d/90mlsysops-proxy',
        mode: '0644',
        content:
          '// Written by MLSysOps Desktop.\nAcquire::http::Proxy "http://proxy.lab:3128/?a=%20%22b";\nAcquire::https::Proxy "http://proxy.lab:3128/?a=%20%22b";\n',
      },
      {
        path: '/etc/systemd/system/containerd.service.d/90-mlsysops-proxy.conf',
        mode: '0644',
        content: [
          '# Written by MLSysOps Desktop.',
          '[Service]',
          'Environment="HTTP_PROXY=http://proxy.lab:3128/?a=%%20%%22b"',
          'Environment="HTTPS_PROXY=http://proxy.lab:3128/?a=%%20%%22b"',
          'Environment="NO_PROXY=localhost,127.0.0.1,.svc,.cluster.local,management,10.77.0.10,master-1,10.77.0.11,worker-1,10.77.0.12,worker-2,10.77.0.13,10.10.0.0/16,10.11.0.0/16,10.12.0.0/16,10.13.0.0/16,.lab"',
          '',
        ].join('\n'),
      },
    ]);
    expect(proxyFiles(exampleTestbed(), (host) => host.address)).toEqual([]);
  });

  it('is read from a testbed file', () => {
    const file = { ...exampleTestbed(), proxy: { http: 'http://proxy.lab:3128' }, certificateAuthorities: ['/ca.pem'] };
    expect(testbedSchema.parse(file)).toMatchObject(file);
    expect(testbedSchema.safeParse({ ...file, proxy: { http: 'proxy.lab' } }).success).toBe(false);
  });
});
