import { expect, test } from 'vitest';
import { authorization, sha256 } from './signature.ts';

/** The key, requests and signatures of the examples in Amazon's own description of the signature. */
const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const host = 'examplebucket.s3.amazonaws.com';
const signatureOf = (method: string, path: string, own: Record<string, string> = {}, body = '') => {
  const headers = { host, 'x-amz-content-sha256': sha256(body), 'x-amz-date': '20130524T000000Z', ...own };
  const url = new URL(`https://${host}${path}`);
  return authorization({ method, url, headers, body, region: 'us-east-1' }, credentials).split('Signature=')[1];
};

test('requests are signed as in the published examples', () => {
  expect(signatureOf('GET', '/test.txt', { range: 'bytes=0-9' })).toBe(
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  );
  const put = { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' };
  expect(signatureOf('PUT', '/test$file.text', put, 'Welcome to Amazon S3.')).toBe(
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  );
  expect(signatureOf('GET', '/?lifecycle')).toBe('fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543');
  expect(signatureOf('GET', '/?max-keys=2&prefix=J')).toBe('34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7');
});
