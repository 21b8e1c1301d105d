import { expect, it } from 'vitest';
import { makeAuthority, makeCertificate } from '../phases/bus/certificates.ts';
import { certificateWarnings, parseCertificates } from './certificates.ts';

const day = 24 * 3600 * 1000;

it('tells from what hosts print which certificates end soon, and what helps', async () => {
  const made = Date.parse('2026-01-01T00:00:00Z');
  const authority = await makeAuthority('lab', made);
  const { certificate } = await makeCertificate(authority, 'kube-apiserver', ['10.77.0.11'], made);
  const text = [
    'a motd that a login shell prints',
    '=== certificate of /etc/kubernetes/pki/ca.crt',
    authority.certificate,
    '=== certificate of /etc/kubernetes/pki/apiserver.crt',
    certificate,
    '=== certificate of /etc/kubernetes/half-written.crt',
    certificate.slice(0, 120),
    '=== certificate of /etc/kubernetes/nonsense.crt',
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
    '',
  ].join('\n');
  const found = parseCertificates('master-1', text);
  expect(found).toEqual([
    {
      host: 'master-1',
      path: '/etc/kubernetes/pki/ca.crt',
      subject: 'CN=MLSysOps bus of lab',
      authority: true,
      expiresAt: made + 3650 * day,
    },
    {
      host: 'master-1',
      path: '/etc/kubernetes/pki/apiserver.crt',
      subject: 'CN=kube-apiserver',
      authority: false,
      expiresAt: made + 825 * day,
    },
  ]);

  expect(certificateWarnings(found, made + 790 * day)).toEqual([]);
  expect(certificateWarnings(found, made + 800 * day).map(({ text, remedy }) => `${text}. ${remedy}`)).toEqual([
    'the certificate kube-apiserver of master-1 ends in 25 days (/etc/kubernetes/pki/apiserver.crt). Run "testbed rotate-certificates"',
  ]);
  expect(certificateWarnings(found, made + 3660 * day)).toMatchObject([
    {
      text: 'the certificate MLSysOps bus of lab of master-1 ended 10 days ago (/etc/kubernetes/pki/ca.crt)',
      remedy: expect.stringContaining('authority'),
    },
    { text: expect.stringContaining('kube-apiserver of master-1 ended') },
  ]);
});
