import { z } from 'zod';

/** What a cluster agent tells a node agent: the components that run there now. Subject: request(<node agent>, "components"). */
export const trackedComponentSchema = z.object({
  application: z.string(),
  component: z.string(),
  podUid: z.string(),
  /** Where what it pushes comes from. */
  podIp: z.string().optional(),
  /** OpenMetrics endpoint of the component, e.g. http://10.11.1.7:9000/metrics. */
  metricsUrl: z.string().optional(),
  /** What its application permits to be done to it. A node agent does nothing to a component whose permitted actions it has not been told. */
  permittedActions: z.array(z.string()).optional(),
});
export const componentsRequestSchema = z.object({ components: z.array(trackedComponentSchema) });

/** Tells a node agent which nodes it may probe, and answers probes of. Subject: request(<node agent>, "peers"). */
export const peersRequestSchema = z.object({ peers: z.array(z.object({ node: z.string(), address: z.string() })).max(64) });

/** Asks a node agent what its host is. Subject: request(<node agent>, "describe"); the Reply's value is an MLSysOpsNode description. */
export const describeRequestSchema = z.object({});

/** Asks a node agent for its knobs: the Reply's value is { <mechanism>: { state, options } }. Subject: request(<node agent>, "mechanisms"). */
export const mechanismsRequestSchema = z.object({});
export const mechanismsAnswerSchema = z.record(z.string(), z.object({ state: z.json(), options: z.json() }));

/** Has a node agent carry out a command of another agent's plan, whole or not at all. Subject: request(<node agent>, "apply"). */
export const applyRequestSchema = z.object({
  /** Names this command; the same name is not carried out twice. */
  id: z.string().min(1).max(200),
  plan: z.string().min(1).max(200),
  mechanism: z.string().min(1).max(100),
  command: z.json(),
});
/** Takes back what "apply" did under this id. Subject: request(<node agent>, "undo"). */
export const undoRequestSchema = z.object({ id: z.string().min(1).max(200) });

/** What the continuum agent answers. Subjects: request("continuum", verb). The answer is a Reply. */
export const deployRequestSchema = z.object({
  /** YAML of an MLSysOpsApp, in either form. */
  description: z.string().min(1).max(1_000_000),
});
export const removeRequestSchema = z.object({ application: z.string().min(1) });
export const listRequestSchema = z.object({});

/** One row of the answer to "list". */
export const listedApplicationSchema = z.object({
  application: z.string(),
  uid: z.string(),
  /** Clusters it is placed on; empty while it is not. */
  clusters: z.array(z.string()),
});
export type ListedApplication = z.infer<typeof listedApplicationSchema>;
