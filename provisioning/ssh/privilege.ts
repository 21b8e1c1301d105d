import { randomBytes } from 'node:crypto';
import type { ClientChannel } from 'ssh2';
import { Failure } from '../run/failure.ts';
import { passwordKey } from './authentication.ts';
import type { SshConnection } from './connection.ts';
import { quote } from './quote.ts';
import { type AskSecret, maximalAttempts, type SecretMemory } from './secrets.ts';
import type { SshTarget } from './target.ts';

/** What is sent as the SSH command, and how to speak with it until it is ready for its input. */
export interface RootCommand {
  text: string;
  /** Absent: input may be sent at once. */
  whenReady?: (send: () => void) => void;
  onNoise?: (line: string, channel: ClientChannel) => void;
  onStderr?: (chunk: Buffer, channel: ClientChannel) => void;
}

/** Exit code of our own command when it could not become root. */
export const noPrivilegeExit = 97;

interface Secrets {
  ask?: AskSecret;
  memory: SecretMemory;
}
/** Answers of people, by connection; set by the pool. */
const secretsOf = new WeakMap<SshConnection, Secrets>();
export const setSecrets = (connection: SshConnection, secrets: Secrets): void => {
  secretsOf.set(connection, secrets);
};

const sudoKey = ({ user, address, port }: SshTarget): string => `sudo ${JSON.stringify([user, address, port])}`;

/**
 * Runs `inner` (one line of shell, no secrets in it: it stands on a command line) as root: directly, by sudo without a password, or by sudo
 * with one, which then goes over stdin alone. Which of them a host needs is found out once.
 * @throws Failure (sudo) when there is no way
 */
export async function becomeRoot<T extends { code: number | null }>(
  connection: SshConnection,
  inner: string,
  run: (command: RootCommand) => Promise<T>,
): Promise<T> {
  const { host } = connection;
  if (connection.privilege !== 'sudo-password') {
    const states: string[] = [];
    const mark = `p_${randomBytes(6).toString('hex')}`;
    const result = await run({
      text: `/bin/sh -c ${quote(withoutPassword(connection.privilege, mark, inner))}`,
      onNoise: (line) => {
        if (line.startsWith(`${mark} `)) states.push(line.slice(mark.length + 1).trim());
      },
    });
    if (result.code !== noPrivilegeExit || states.length === 0) {
      if (states[0] === 'root' || states[0] === 'sudo') connection.privilege = states[0];
      return result;
    }
    if (states[0] === 'no-sudo') {
      throw new Failure({
        code: 'sudo',
        host: host.name,
        cause: `${host.user} is not root, and there is no sudo on the host`,
        remedy: 'Log in as root (user: root in the testbed file), or install sudo there',
      });
    }
    connection.privilege = 'sudo-password';
  }
  return withPassword(connection, inner, run);
}

function withoutPassword(privilege: SshConnection['privilege'], mark: string, inner: string): string {
  if (privilege === 'root') return inner;
  const bySudo = `exec sudo -n /bin/sh -c ${quote(inner)}`;
  if (privilege === 'sudo') return bySudo;
  return [
    `if [ "$(id -u)" = 0 ]; then echo "${mark} root"; ${inner}; exit $?; fi`,
    `command -v sudo >/dev/null || { echo "${mark} no-sudo"; exit ${noPrivilegeExit}; }`,
    `if sudo -n /bin/sh -c : </dev/null >/dev/null 2>&1; then echo "${mark} sudo"; ${bySudo}; fi`,
    `echo "${mark} password"; exit ${noPrivilegeExit}`,
  ].join('; ');
}

/** Connections whose sudo did not take the password of the login. */
const refusedLogins = new WeakSet<SshConnection>();

/** The password is sent when sudo asks for it, the input when our shell says that it runs: neither can end up in the other. */
async function withPassword<T extends { code: number | null }>(
  connection: SshConnection,
  inner: string,
  run: (command: RootCommand) => Promise<T>,
): Promise<T> {
  const { host } = connection;
  const { ask, memory } = secretsOf.get(connection) ?? {};
  const key = sudoKey(host);
  // sudo usually asks for the password by which the account was logged into: it is tried first, and only once.
  let candidate = memory?.get(key) === null && !refusedLogins.has(connection) ? memory.get(passwordKey(host)) : null;
  for (let tried = 0; tried <= maximalAttempts; tried++) {
    const password =
      candidate ??
      (await memory?.need(key, async (attempt) => {
        const prompt = `${attempt > 1 ? 'That was not it. ' : ''}Password of ${host.user} for sudo on ${host.name}:`;
        return (await ask?.({ kind: 'sudo', host: host.name, user: host.user, prompt, echo: false, attempt })) ?? null;
      })) ??
      null;
    if (password === null) break;
    const mark = `p_${randomBytes(6).toString('hex')}`;
    const state = { asked: 0, refused: false, started: false, heard: '' };
    let ready: (() => void) | undefined;
    const command: RootCommand = {
      text: `/bin/sh -c ${quote(`exec sudo -k -S -p ${mark}-password /bin/sh -c ${quote(`echo ${mark}-ready; ${inner}`)}`)}`,
      whenReady: (send) => {
        ready = send;
      },
      onNoise: (line) => {
        if (!line.includes(`${mark}-ready`)) return;
        state.started = true;
        ready?.();
      },
      onStderr: (chunk, channel) => {
        state.heard = (state.heard + chunk.toString('latin1')).slice(-4096);
        const asked = state.heard.split(`${mark}-password`).length - 1;
        if (asked <= state.asked) return;
        state.asked = asked;
        if (asked === 1) channel.write(`${password}\n`);
        else {
          state.refused = true;
          channel.end();
        }
      },
    };
    const result = await run(command);
    if (!state.refused) {
      memory?.settle(key);
      if (!state.started && result.code !== null) throw notAllowed(host, state.heard.replaceAll(`${mark}-password`, ''));
      return result;
    }
    if (candidate === null) memory?.refuse(key, password);
    else refusedLogins.add(connection);
    candidate = null;
  }
  memory?.settle(key);
  throw new Failure({
    code: 'sudo',
    host: host.name,
    cause: `sudo asks ${host.user} for a password, and none was given that it accepts`,
    remedy: `Give the sudo password, or let ${host.user} use sudo without one: echo '${host.user} ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/mlsysops`,
  });
}

/** The password was right, but sudo does not let that account become root. */
function notAllowed(host: SshTarget, stderr: string): Failure {
  const said = stderr
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line !== '');
  return new Failure({
    code: 'sudo',
    host: host.name,
    cause: `sudo does not let ${host.user} become root${said === undefined ? '' : `: ${said}`}`,
    stderr: stderr.trim().slice(-2000),
    remedy: `Log in as another user, or let this one: echo '${host.user} ALL=(ALL) ALL' | sudo tee /etc/sudoers.d/mlsysops`,
  });
}
