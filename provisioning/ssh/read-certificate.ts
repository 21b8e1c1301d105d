import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { certificateAlgorithms } from './host-certificate.ts';
import { Malformed, WireReader, wireString } from './wire.ts';

const kexInit = 20;
const ecdhInit = 30;
const ecdhReply = 31;
/** RFC 4253, 6.1 asks for 35,000 bytes at least; a host's first packets are far smaller. */
const longestPacket = 262_144;

/**
 * Asks a host for its certificate: ssh2 cannot agree on one, so the key exchange is begun once more, as far as the message that holds it
 * (RFC 4253, 7 and 8; RFC 8731). Nothing is encrypted up to there and nothing here is trusted: a certificate proves itself by the signature
 * of its authority, and the connection that is used then proves that the host has the key in it.
 * @returns null when the host has none, or says something else
 */
export function readCertificate(stream: Duplex, timeoutMs: number): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const end = (certificate: Buffer | null) => {
      clearTimeout(timer);
      stream.destroy();
      resolve(certificate);
    };
    const timer = setTimeout(() => end(null), timeoutMs);
    let received: Buffer = Buffer.alloc(0);
    let greeted = false;
    stream.on('error', () => end(null));
    stream.once('close', () => end(null));
    stream.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      try {
        for (;;) {
          if (!greeted) {
            const line = received.indexOf('\n');
            if (line < 0 && received.length > 8192) return end(null);
            if (line < 0) return;
            greeted = received.subarray(0, 4).toString('latin1') === 'SSH-';
            received = received.subarray(line + 1);
            continue;
          }
          if (received.length < 5) return;
          const length = received.readUInt32BE(0);
          if (length < 2 || length > longestPacket) return end(null);
          if (received.length < 4 + length) return;
          const payload = received.subarray(5, 4 + length - received.readUInt8(4));
          received = received.subarray(4 + length);
          if (payload[0] === kexInit)
            stream.write(packet(Buffer.concat([Buffer.from([ecdhInit]), wireString(freshPublicKey())])));
          else if (payload[0] === ecdhReply) return end(certificateIn(payload));
          else if (payload[0] === 1) return end(null);
        }
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
        end(null);
      }
    });
    stream.write('SSH-2.0-mlsysops\r\n');
    stream.write(packet(proposal()));
  });
}

function certificateIn(payload: Buffer): Buffer | null {
  const certificate = new WireReader(payload.subarray(1)).string();
  return certificate.subarray(0, 64).includes('-cert-v01@openssh.com') ? certificate : null;
}

function proposal(): Buffer {
  const ciphers = 'aes128-ctr,aes256-ctr,aes128-gcm@openssh.com';
  const macs = 'hmac-sha2-256,hmac-sha2-512,hmac-sha2-256-etm@openssh.com';
  const lists = [
    'curve25519-sha256,curve25519-sha256@libssh.org',
    certificateAlgorithms.join(','),
    ...[ciphers, ciphers, macs, macs, 'none', 'none', '', ''],
  ];
  return Buffer.concat([Buffer.from([kexInit]), randomBytes(16), ...lists.map((list) => wireString(list)), Buffer.alloc(5)]);
}

/** The last 32 bytes of an X25519 key in SPKI are the key itself. */
const freshPublicKey = (): Buffer =>
  generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);

/** RFC 4253, 6, before any key is agreed on: length, padding, payload. */
function packet(payload: Buffer): Buffer {
  const padding = 4 + ((8 - ((payload.length + 9) % 8)) % 8);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length + padding + 1);
  head.writeUInt8(padding, 4);
  return Buffer.concat([head, payload, randomBytes(padding)]);
}
