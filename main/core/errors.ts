import { BusError } from '../../agents/bus/bus.ts';
import { LocalHostsError } from '../../provisioning/local-hosts/local-hosts.ts';
import { Failure } from '../../provisioning/run/failure.ts';
import { TwinError } from '../../provisioning/twin/client.ts';
import { DryRunError } from '../../provisioning/twin/dry-run/client.ts';
import { ContractError, type Handlers } from '../contract/contract.ts';
import { StoreError } from '../store/database.ts';
import { LinkError } from './link/link.ts';

/** What each kind of error is called on the contract; anything else is a bug of ours and stays as it is. */
export function asContractError(error: unknown): unknown {
  if (error instanceof Failure) {
    const { code, message, remedy } = error.value;
    // The sentence ends with the remedy, which the contract tells apart.
    const plain = remedy && message.endsWith(`. ${remedy}`) ? message.slice(0, -remedy.length - 1) : message;
    return new ContractError(code, plain, remedy);
  }
  if (error instanceof LinkError || error instanceof BusError)
    return new ContractError(
      'bus',
      `The testbed does not answer: ${error.message}.`,
      'See whether its agents and bus run: testbed status.',
    );
  if (error instanceof TwinError) return new ContractError('twin', error.message);
  if (error instanceof DryRunError) return new ContractError('dry-run', error.message);
  if (error instanceof LocalHostsError) return new ContractError('local-hosts', error.message);
  if (error instanceof StoreError) return new ContractError('store', error.message);
  return error;
}

/** The same handlers, which throw errors of the contract alone. */
export function withContractErrors(handlers: Handlers): Handlers {
  const wrapped = Object.entries(handlers).map(([name, handler]) => [
    name,
    async (...given: unknown[]) => {
      try {
        return await (handler as (...given: unknown[]) => Promise<unknown>)(...given);
      } catch (error) {
        throw asContractError(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as Handlers;
}
