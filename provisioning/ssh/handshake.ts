import type { Duplex } from 'node:stream';
import ssh2, { type AuthenticationType, type AuthHandlerMiddleware, type Client, type NextAuthHandler } from 'ssh2';
import { Failure } from '../run/failure.ts';
import { algorithmsFor } from './algorithms.ts';
import { type AuthenticationOptions, authenticationMethods, type LoginState } from './authentication.ts';
import { expiredPassword, refused, tcpCause, tooManyTries, unreachable } from './failures.ts';
import type { AskSecret } from './secrets.ts';
import type { SshTarget } from './target.ts';

export interface Handshake {
  options: AuthenticationOptions;
  timeoutMs: number;
  /** Types of keys by which the host is known. */
  knownTypes: string[];
  verify(key: Buffer): Promise<boolean>;
  /** false: the key of the host is all that is wanted. */
  authenticate: boolean;
  signal?: AbortSignal;
}

/** Speaks SSH over a stream until the host let us in. @throws Failure: unreachable, authentication, cancelled; what `verify` throws */
export function handshake(target: SshTarget, stream: Duplex, how: Handshake): Promise<Client> {
  const { options, timeoutMs, signal } = how;
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    let timer: NodeJS.Timeout | undefined;
    let settled = false;
    const expect = (what: string) => {
      clearTimeout(timer);
      if (settled) return;
      timer = setTimeout(() => fail(unreachable(target, `no ${what} within ${timeoutMs / 1000} s`)), timeoutMs);
    };
    const settle = () => {
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (failure: unknown) => {
      settle();
      reject(failure);
      client.destroy();
      stream.destroy();
    };
    const onAbort = () => fail(new Failure({ code: 'cancelled', host: target.name, cause: 'connecting was cancelled' }));
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort);

    const state: LoginState = { left: null, partial: false, tried: [], troubles: [], giveUp: () => fail(refused(target, state)) };
    // Asking a person takes as long as it takes.
    const { ask } = options;
    const unhurried: AskSecret | undefined =
      ask &&
      (async (request) => {
        clearTimeout(timer);
        const answer = await ask(request);
        expect('answer to the authentication');
        return answer;
      });
    const methods = authenticationMethods(target, { ...options, ask: unhurried }, state);
    const next: AuthHandlerMiddleware = (_left, partial, tryNext) => {
      state.partial ||= partial === true;
      const answer = async () => {
        const method = how.authenticate ? await methods.next() : { done: true as const, value: undefined };
        state.partial = false;
        if (method.done === true) return giveUp(tryNext);
        state.tried.push(method.value.type === 'agent' ? 'publickey' : method.value.type);
        expect('answer to the authentication');
        tryNext(method.value);
      };
      answer().catch(fail);
    };
    // ssh2 does not hand on what the host said to a key of an agent; its debug output has it, and it comes before.
    const debug = (message: string) => {
      if (settled) return;
      const left = /^Inbound: Received USERAUTH_FAILURE \((.*)\)$/.exec(message)?.[1]?.split(',');
      if (left === undefined) return;
      // Told by an agent's key that made "publickey" go away: the host took it and wants something else as well.
      if (state.left?.includes('publickey') === true && !left.includes('publickey')) state.partial = true;
      state.left = left;
    };
    client.once('ready', () => {
      settle();
      resolve(client);
    });
    client.on('error', (error: Error & { level?: string; code?: string | number }) => {
      // A key that an agent, or a person, would not sign with: the next one is tried.
      if (error.level === 'agent') return;
      if (error.level === 'client-authentication') return fail(refused(target, state));
      if (/too many authentication failures/i.test(error.message)) return fail(tooManyTries(target));
      fail(unreachable(target, typeof error.code === 'string' ? tcpCause(error as NodeJS.ErrnoException) : error.message, error));
    });
    client.once('change password', () => fail(expiredPassword(target)));
    client.once('close', () => fail(unreachable(target, 'the host closed the connection during the handshake')));
    expect('SSH handshake');
    client.connect({
      sock: stream as never,
      username: target.user,
      authHandler: next,
      algorithms: algorithmsFor(how.knownTypes),
      // The timers are ours above: they stop while a person is asked.
      readyTimeout: 0,
      keepaliveInterval: 10_000,
      keepaliveCountMax: 3,
      debug,
      hostVerifier: (key: Buffer, accept: (valid: boolean) => void) => {
        how.verify(key).then(accept, fail);
      },
    });
  });
}

/** `false` ends the attempts; the type of ssh2 does not know it, its documentation does. */
const noMethod: unknown = false;
const giveUp = (tryNext: NextAuthHandler): void => tryNext(noMethod as AuthenticationType);
