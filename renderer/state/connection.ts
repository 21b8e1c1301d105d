import { create } from 'zustand';
import { createContractClient } from '../../main/contract/client.ts';
import type { ContractClient } from '../../main/contract/contract.ts';
import { ContractError } from '../../main/contract/contract.ts';
import { texts } from '../texts/texts.ts';

const words = texts.state;

export interface Connection {
  state: 'connecting' | 'connected' | 'reconnecting';
  /** null until the first connection; kept through a reconnection so that pages keep what they show. */
  client: ContractClient | null;
  /** Tries in a row that failed. */
  failures: number;
}

export const useConnection = create<Connection>(() => ({ state: 'connecting', client: null, failures: 0 }));

type Channel = Parameters<typeof createContractClient>[0];

/** Takes a channel that is open, and its end as the signal to show "Reconnecting". */
export function attachChannel(channel: Channel): void {
  const client = createContractClient(channel);
  channel.onClose(() => {
    if (useConnection.getState().client === client) useConnection.setState({ state: 'reconnecting' });
  });
  attachClient(client);
}

/** For tests and the dev page, which bring a client of their own. */
export function attachClient(client: ContractClient): void {
  useConnection.setState({ state: 'connected', client, failures: 0 });
}

/** The client as it is now. @throws ContractError when there has been no connection yet. */
export function currentClient(): ContractClient {
  const { client } = useConnection.getState();
  if (!client) throw new ContractError('disconnected', words.thereIsNoConnection);
  return client;
}

export interface ShownError {
  message: string;
  remedy?: string | undefined;
}

/** Any error as one sentence and what helps. */
export function shownError(error: unknown): ShownError {
  if (error instanceof ContractError) return { message: error.message, remedy: error.remedy };
  return { message: error instanceof Error ? error.message : String(error) };
}
