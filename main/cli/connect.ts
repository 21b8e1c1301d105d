import { createContractClient } from '../contract/client.ts';
import type { ContractClient } from '../contract/contract.ts';
import { dataFolder, distFolder } from '../core/folders.ts';
import { attachCore } from '../transport/attach.ts';
import { clientChannel } from '../transport/web-socket-channel.ts';

export interface Connection {
  client: ContractClient;
  close(): void;
}

/** Attaches to the core of this user's data folder (MLSYSOPS_DATA overrides it), starting one when none runs. */
export async function connectToCore(): Promise<Connection> {
  const socket = await attachCore({
    dataFolder: dataFolder(process.env),
    distFolder: distFolder(import.meta.url),
    env: process.env,
  });
  return { client: createContractClient(clientChannel(socket)), close: () => socket.close() };
}
