import { create } from 'zustand';
import type { ForwardTarget } from '../../main/contract/forwards.ts';
import { currentClient, type ShownError, shownError } from './connection.ts';

export interface Forward {
  testbed: string;
  target: ForwardTarget;
  /** On this computer's loopback. */
  url: string;
  close(): void;
}

/** Ports that lead somewhere, as long as this window lives. */
export const useForwards = create<{ open: readonly Forward[] }>(() => ({ open: [] }));

const securePorts = new Set([443, 6443, 8443, 10250]);
const schemeOf = (port: number, about: string): string => (securePorts.has(port) || about.includes('https') ? 'https' : 'http');

export const sameTarget = (a: ForwardTarget, b: ForwardTarget): boolean => JSON.stringify(a) === JSON.stringify(b);
export const forwardTo = (open: readonly Forward[], testbed: string, target: ForwardTarget): Forward | undefined =>
  open.find((one) => one.testbed === testbed && sameTarget(one.target, target));

/** "worker-1:8080", "cluster1: shop/web:80" */
export const targetName = (target: ForwardTarget): string =>
  target.kind === 'host'
    ? `${target.host}:${target.port}`
    : `${target.cluster}: ${target.namespace}/${target.service}:${target.port}`;

const drop = (closed: Forward) => useForwards.setState(({ open }) => ({ open: open.filter((one) => one !== closed) }));

/** Opens a port that leads there, or takes the one that does. `onEnd` is told why it ended by itself. @throws ContractError */
export function openForward(
  testbed: string,
  target: ForwardTarget,
  about: string,
  onEnd: (error: ShownError) => void,
): Promise<Forward> {
  const known = forwardTo(useForwards.getState().open, testbed, target);
  if (known) return Promise.resolve(known);
  return new Promise((resolve, reject) => {
    let made: Forward | null = null;
    const stream = currentClient().open(
      'forwards.open',
      { testbed, target },
      ({ port }) => {
        const forward: Forward = {
          testbed,
          target,
          url: `${schemeOf(target.port, about)}://127.0.0.1:${port}/`,
          close: () => {
            stream.close();
            drop(forward);
          },
        };
        made = forward;
        useForwards.setState(({ open }) => ({ open: [...open, forward] }));
        resolve(forward);
      },
      (error) => {
        if (made) drop(made);
        if (!error) return;
        reject(error);
        if (made) onEnd(shownError(error));
      },
    );
  });
}
