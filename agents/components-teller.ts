import type { Bus } from './bus/bus.ts';
import { replySchema } from './bus/messages.ts';
import { componentsRequestSchema } from './bus/requests.ts';
import { subjects } from './bus/subjects.ts';
import type { Log } from './config.ts';
import type { TrackedComponent } from './host/signals.ts';
import type { ComponentView, DescribedApplication } from './orchestration/orchestrator.ts';

const answerMs = 2000;

/** The components on each node that has any, as its agent must know them, with what their applications' descriptions permit. */
export function componentsByNode(
  components: readonly ComponentView[],
  applications: readonly DescribedApplication[] = [],
): Map<string, TrackedComponent[]> {
  const permitted = new Map(applications.map(({ description }) => [description.name, description.permitted_actions ?? []]));
  const byNode = new Map<string, TrackedComponent[]>();
  for (const { application, component, pods } of components)
    for (const pod of pods) {
      if (pod.node === null || pod.leaving || pod.phase !== 'Running') continue;
      const here = byNode.get(pod.node) ?? [];
      byNode.set(pod.node, here);
      here.push({
        application,
        component,
        podUid: pod.uid,
        ...(pod.ip && { podIp: pod.ip }),
        ...(pod.ip && pod.metricsPort !== undefined && { metricsUrl: `http://${pod.ip}:${pod.metricsPort}/metrics` }),
        ...(permitted.has(application) && { permittedActions: permitted.get(application) }),
      });
    }
  return byNode;
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

  /** Most nodes have none, and are told so once: no text is made for them. */
  tell(agent: string, components: readonly TrackedComponent[]): void {
    const text = components.length === 0 ? '[]' : JSON.stringify(components);
    if (this.#told.get(agent) !== text && !this.#telling.has(agent)) void this.#tell(agent, [...components], text);
  }

  async #tell(agent: string, components: TrackedComponent[], text: string): Promise<void> {
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
