import type { TwinProcess } from '../../../provisioning/twin/client.ts';
import { Incoming, LinkError, type TestbedLink } from './link.ts';

/** Link to a twin: its process tells everything on its bus. Closing it leaves the twin alone. */
export function twinLink(twin: Pick<TwinProcess, 'onBus' | 'request'>, log: (text: string) => void): TestbedLink {
  const incoming = new Incoming(log);
  const subscription = twin.onBus((subject, payload) => incoming.take(subject, payload));
  return {
    ...incoming.listeners(),
    async request(subject, payload) {
      try {
        return await twin.request(subject, payload);
      } catch (error) {
        throw new LinkError(error instanceof Error ? error.message : String(error), { cause: error });
      }
    },
    // Somebody listens as long as a twin runs.
    catchUp: async () => {},
    async close() {
      subscription.close();
    },
  };
}
