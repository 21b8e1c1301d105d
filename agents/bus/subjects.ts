/** Subjects on the bus. Names are DNS labels; a dot in one would split a token, so it becomes "_". */
const unfit = /[.*>\s]/;
const token = (name: string): string => (unfit.test(name) ? name.replaceAll(/[.*>\s]/g, '_') : name);

export const subjects = {
  heartbeat: (cluster: string, layer: string, agent: string) => `mls.heartbeat.${token(cluster)}.${layer}.${token(agent)}`,
  telemetry: (cluster: string, node: string) => `mls.telemetry.${token(cluster)}.${token(node)}`,
  /** What a node was like over some seconds, told by its cluster's agent. */
  aggregate: (cluster: string, node: string) => `mls.aggregate.${token(cluster)}.${token(node)}`,
  decision: (cluster: string, layer: string, agent: string) => `mls.decision.${token(cluster)}.${layer}.${token(agent)}`,
  application: (cluster: string, application: string) => `mls.application.${token(cluster)}.${token(application)}`,
  request: (agentName: string, verb: string) => `mls.request.${token(agentName)}.${verb}`,
  all: {
    heartbeats: 'mls.heartbeat.>',
    telemetry: 'mls.telemetry.>',
    aggregates: 'mls.aggregate.>',
    decisions: 'mls.decision.>',
    applications: 'mls.application.>',
  },
  ofCluster: {
    heartbeats: (cluster: string) => `mls.heartbeat.${token(cluster)}.>`,
    telemetry: (cluster: string) => `mls.telemetry.${token(cluster)}.>`,
  },
} as const;
