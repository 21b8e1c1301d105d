import type { Sample } from '../bus/messages.ts';
import type { DecisionRecord } from '../decision/record.ts';
import { type ApplicationDescription, applicationSchema } from '../descriptions/application.ts';
import type { ComponentView } from '../orchestration/orchestrator.ts';
import type { PodView } from '../orchestration/pod-view.ts';
import { SlidingWindow } from '../telemetry/window.ts';
import { decide } from './decide.ts';
import type { Option, Policy, PolicyInput, Proposal, Trigger } from './policy.ts';
import type { ClusterSituation, NodeSituation } from './situation.ts';

export const start = 1_700_000_000_000;

export const node = (name: string, more: Partial<NodeSituation> = {}): NodeSituation => ({
  name,
  ready: true,
  unschedulable: false,
  labels: {},
  taints: [],
  cores: 4,
  memoryBytes: 4e9,
  heartbeat: { lastAt: start, alive: true },
  frequencyGHz: 2,
  ...more,
});

export const shop = (more: Record<string, unknown> = {}): ApplicationDescription =>
  applicationSchema.parse({
    name: 'shop',
    permitted_actions: ['*'],
    components: [
      {
        metadata: { name: 'front' },
        qos_metrics: [{ application_metric_id: 'answer_ms', target: 50, relation: 'lower_or_equal' }],
      },
      { metadata: { name: 'store' } },
    ],
    ...more,
  });

const pod = (component: string, on: string): PodView => ({
  name: `${component}-${on}`,
  uid: `uid-${component}-${on}`,
  node: on,
  ip: null,
  ready: true,
  phase: 'Running',
  leaving: false,
  reason: undefined,
  createdAt: 0,
  planUid: '',
  metricsPort: undefined,
});
export const placed = (component: string, on: string): ComponentView => ({
  application: 'shop',
  component,
  componentUid: component,
  pin: on,
  pods: [pod(component, on)],
});

/** One cluster as policies see it, told second by second: no bus, no Kubernetes. For tests alone. */
export class ClusterBench {
  readonly window = new SlidingWindow(600_000);
  readonly view: ClusterSituation;
  now = start;

  constructor(nodes: NodeSituation[], components: ComponentView[], description = shop()) {
    this.view = { cluster: 'c', mechanisms: {}, mode: 1, nodes, applications: [{ uid: 'u', description }], components };
  }

  get input(): PolicyInput<ClusterSituation> {
    return { now: this.now, agent: 'cluster-c', view: this.view, window: this.window };
  }

  /** Seconds in which each node says so much: `load` is its own, `front` and `store` are of the components. */
  seconds(count: number, told: Record<string, Partial<Record<string, number>>>, policy?: Policy<ClusterSituation>): void {
    for (let i = 0; i < count; i++) {
      this.now += 1000;
      for (const [on, metrics] of Object.entries(told)) {
        const samples = Object.entries(metrics).flatMap(([key, value]): Sample[] => {
          const [metric = '', component] = key.split('@');
          if (value === undefined) return [];
          return [{ metric, value, ...(component && { application: 'shop', component }) }];
        });
        this.window.add({ agent: on, cluster: 'c', node: on, time: this.now, samples });
      }
      policy?.learn?.(this.input);
    }
  }

  /** The first decision that the policy comes to now. */
  decided(
    policy: Policy<ClusterSituation>,
  ): { record: DecisionRecord; proposal: Proposal; chosen: Option; trigger: Trigger } | undefined {
    for (const trigger of policy.analyze(this.input)) {
      const proposal = policy.plan(this.input, trigger);
      if (!proposal) continue;
      const agent = { id: 'cluster-c', layer: 'cluster' as const, cluster: 'c' };
      const { name, version } = policy;
      const record = decide(proposal, trigger, {
        id: 'd',
        now: this.now,
        agent,
        policy: { name, version },
        lastChangeAt: undefined,
      });
      return { record, proposal, trigger, chosen: proposal.options.find(({ id }) => id === record.choice)! };
    }
    return undefined;
  }
}
