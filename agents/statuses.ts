import type { Bus } from './bus/bus.ts';
import { type ApplicationStatus, applicationStatusSchema } from './bus/messages.ts';
import { subjects } from './bus/subjects.ts';
import type { Clock } from './clock.ts';
import type { Log } from './config.ts';
import type { ClusterOrchestrator } from './orchestration/orchestrator.ts';
import { applicationStatus, resourceStatus, sameStatus } from './status.ts';

/** Publishes the state of each application when it changes, and its end. */
export class Statuses {
  readonly #last = new Map<string, ApplicationStatus>();
  readonly #wasDeployed = new Set<string>();
  readonly #orchestrator: ClusterOrchestrator;
  readonly #bus: Bus;
  readonly #cluster: string;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(orchestrator: ClusterOrchestrator, bus: Bus, cluster: string, clock: Clock, log: Log) {
    this.#orchestrator = orchestrator;
    this.#bus = bus;
    this.#cluster = cluster;
    this.#clock = clock;
    this.#log = log;
  }

  publishChanged(): Promise<void> {
    return this.#publish((status) => !sameStatus(this.#last.get(status.application), status));
  }

  publishAll(): Promise<void> {
    return this.#publish(() => true);
  }

  async #publish(wanted: (status: ApplicationStatus) => boolean): Promise<void> {
    const components = this.#orchestrator.components();
    const applications = this.#orchestrator.applications();
    const time = this.#clock.now();
    const current = applications.map((application) => {
      const { name } = application.description;
      const options = { cluster: this.#cluster, time, wasDeployed: this.#wasDeployed.has(name) };
      return applicationStatus(application, components, options);
    });
    const gone = [...this.#last.values()].filter(({ application }) =>
      current.every((status) => status.application !== application),
    );
    const ending = gone.map((status): ApplicationStatus => {
      const left = components.filter(({ application }) => application === status.application);
      const remaining = status.components.filter(({ name }) => left.some(({ component }) => component === name));
      const leaving = remaining.map((component) => ({ ...component, state: 'leaving' as const }));
      return { ...status, time, state: left.length > 0 ? 'removing' : 'removed', components: leaving };
    });
    for (const status of [...current, ...ending].filter(wanted)) {
      if (status.state === 'deployed') this.#wasDeployed.add(status.application);
      const before = this.#last.get(status.application);
      this.#last.set(status.application, status);
      const isNew = !sameStatus(before, status);
      if (status.state === 'removed') {
        this.#last.delete(status.application);
        this.#wasDeployed.delete(status.application);
      }
      try {
        await this.#bus.publish(subjects.application(this.#cluster, status.application), applicationStatusSchema, status);
        if (isNew) await this.#orchestrator.report(status.application, resourceStatus(status));
      } catch (error) {
        this.#log('warn', `the state of ${status.application} could not be published`, { error: String(error) });
      }
    }
  }
}
