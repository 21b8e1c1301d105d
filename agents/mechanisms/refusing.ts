import { MechanismError } from './mechanism.ts';

/** @throws MechanismError in place of what the kernel or its programs say */
export async function refusing<T>(work: () => T | Promise<T>, what = 'it is refused'): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new MechanismError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
