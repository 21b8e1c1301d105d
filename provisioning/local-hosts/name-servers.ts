import { existsSync, readFileSync } from 'node:fs';

/** Where this computer's name servers may be written: systemd-resolved puts a stub on loopback first and the true ones second. */
const files = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf', '/run/NetworkManager/no-stub-resolv.conf'];

/** A resolv.conf that works in another network namespace: the first without a loopback server, which no host could reach. */
export function chooseResolvConf(candidates: string[]): string {
  const withServers = candidates.map(withoutLoopback).find((content) => /^nameserver\s/m.test(content));
  return withServers ?? '';
}

const withoutLoopback = (content: string): string =>
  content
    .split('\n')
    .filter((line) => !/^\s*nameserver\s+(127\.|::1\s*$)/.test(line))
    .join('\n');

export const resolvConf = (): string =>
  chooseResolvConf(files.filter((file) => existsSync(file)).map((file) => readFileSync(file, 'utf8')));
