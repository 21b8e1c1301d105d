import type { Bus } from './bus/bus.ts';
import { replySchema } from './bus/messages.ts';
import { componentsRequestSchema } from './bus/requests.ts';
import { subjects } from './bus/subjects.ts';
import type { Log } from './config.ts';
import type { TrackedComponent } from './host/signals.ts';
import type { ComponentView, DescribedApplication } from './orchestration/orchestrator.ts';

const answerMs = 2000;

/** The components on a node, as its agent must know them, with what their applications' descriptions permit. */
export function componentsOn(
  node: string,
  components: ComponentView[],
  applications: DescribedApplication[] = [],
): TrackedComponent[] {
  const permitted = new Map(applications.map(({ description }) => [description.name, description.permitted_actions ?? []]));
  return components.flatMap(({ application, component, pods }) =>
    pods
      .filter((pod) => pod.node === node && !pod.leaving && pod.phase === 'Running')
      .map((pod) => ({
        application,
        component,
        podUid: pod.uid,
        ...(pod.ip && { podIp: pod.ip }),
        ...(pod.ip && pod.metricsPort !== undefined && { metricsUrl: `http://${pod.ip}:${pod.metricsPort}/metrics` }),
        ...(permitted.has(application) && { permittedActions: permitted.get(application) }),
      })),
  );
}

/** Tells each node agent which components run with it, when that changes, and again after the agent has restarted. */
export class ComponentsTeller {
  readonly #bus: Bus;
  readonly #log: Log;
  readonly #told = new Map<string, string>();
  readonly #telling = new Set<string>();

  constructor(bus: Bus, log: Log) {
    this.#bus = bus;
    this.#log = log;
  }

  /** The agent has restarted and knows nothing. */
  forget(agent: string): void {
    this.#told.delete(agent);
  }

  async tell(agent: string, components: TrackedComponent[]): Promise<void> {
    const text = JSON.stringify(components);
    if (this.#told.get(agent) === text || this.#telling.has(agent)) return;
    this.#telling.add(agent);
    try {
      const subject = subjects.request(agent, 'components');
      await this.#bus.request(subject, componentsRequestSchema, { components }, replySchema, answerMs);
      this.#told.set(agent, text);
    } catch (error) {
      // Its next heartbeat has us try again.
      this.#log('warn', `${agent} could not be told its components`, { error: String(error) });
    } finally {
      this.#telling.delete(agent);
    }
  }
}
