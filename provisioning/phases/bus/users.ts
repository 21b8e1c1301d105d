import { subjects } from '../../../agents/bus/subjects.ts';
import type { Testbed } from '../../testbed/schema.ts';
import { hostsOf, isControlPlane, managementCluster } from '../support/hosts.ts';
import { desktopUser } from './keys.ts';

/** A user of the bus, and what it may say and hear. */
export interface BusUser {
  user: string;
  publish: string[];
  /** Of what it may publish, what it may not. */
  denied?: string[];
  subscribe: string[];
}

export const nodeAgent = (host: string): string => `node-${host}`;
export const clusterAgent = (cluster: string): string => `cluster-${cluster}`;
/** The second agent of a cluster, where it has one. */
export const standbyAgent = (cluster: string): string => `standby-${cluster}`;
export const continuumAgent = 'continuum';
export const leafUser = (cluster: string): string => `leaf-${cluster}`;

/** JetStream domain of the hub: leaves have no stream of their own and ask there. */
export const streamDomain = 'hub';

const everyRequest = 'mls.request.>';
const inboxes = '_INBOX.>';
/** What publishing to a kept stream asks of JetStream. */
// On a leaf the rights are looked at after the subject was mapped to the hub's domain.
const streamInfo = ['$JS.API', `$JS.${streamDomain}.API`].flatMap((api) => [`${api}.INFO`, `${api}.STREAM.INFO.MLS_DECISIONS`]);
const requestsTo = (agent: string): string => subjects.request(agent, '>');

const nodeUser = (cluster: string, host: string): BusUser => ({
  user: nodeAgent(host),
  publish: [
    subjects.heartbeat(cluster, 'node', nodeAgent(host)),
    subjects.telemetry(cluster, host),
    subjects.decision(cluster, 'node', nodeAgent(host)),
    ...streamInfo,
  ],
  subscribe: [requestsTo(nodeAgent(host)), inboxes],
});

const clusterUser = (testbed: Testbed, cluster: string, agent: string): BusUser => ({
  user: agent,
  publish: [
    subjects.heartbeat(cluster, 'cluster', agent),
    subjects.decision(cluster, 'cluster', agent),
    // Not from `subjects`: it takes names, and a wildcard in a name becomes a "_".
    `mls.application.${cluster}.>`,
    `mls.aggregate.${cluster}.>`,
    // How far it trusts its nodes is a reading of theirs.
    `mls.telemetry.${cluster}.>`,
    ...hostsOf(testbed, cluster).map((host) => requestsTo(nodeAgent(host.name))),
    requestsTo(continuumAgent),
    ...streamInfo,
  ],
  subscribe: [`mls.*.${cluster}.>`, requestsTo(agent), inboxes],
});

const continuumUser: BusUser = {
  user: continuumAgent,
  publish: [
    subjects.heartbeat(managementCluster, 'continuum', continuumAgent),
    subjects.decision(managementCluster, 'continuum', continuumAgent),
    'mls.application.>',
    everyRequest,
    '$JS.API.>',
  ],
  subscribe: ['mls.>', inboxes],
};

const desktop: BusUser = { user: desktopUser, publish: [everyRequest, '$JS.API.>', '$JS.ACK.>'], subscribe: ['mls.>', inboxes] };

/**
 * What a cluster's leaf may carry to the hub (publish) and take from it (subscribe). Interest travels by the subject as it was subscribed:
 * the hub's "mls.heartbeat.>" must be allowed as a whole, and what is other clusters' is denied on top.
 */
const leaf = (cluster: string, others: readonly string[]): BusUser => ({
  user: leafUser(cluster),
  publish: ['mls.>', inboxes, `$JS.${streamDomain}.API.>`],
  denied: others.flatMap((other) =>
    ['heartbeat', 'telemetry', 'aggregate', 'decision', 'application'].map((kind) => `mls.${kind}.${other}.>`),
  ),
  subscribe: [everyRequest, `mls.*.${cluster}.>`, inboxes],
});

const agentsOf = (testbed: Testbed, cluster: string): BusUser[] => [
  ...hostsOf(testbed, cluster).map((host) => nodeUser(cluster, host.name)),
  ...(hostsOf(testbed, cluster).some(isControlPlane) ? [clusterUser(testbed, cluster, clusterAgent(cluster))] : []),
  ...(testbed.clusters[cluster]?.standby === undefined ? [] : [clusterUser(testbed, cluster, standbyAgent(cluster))]),
];

/** Users of the hub: agents of the management cluster, the desktop, and one leaf per member cluster. */
export const hubUsers = (testbed: Testbed, members: readonly string[]): BusUser[] => [
  ...agentsOf(testbed, managementCluster),
  continuumUser,
  desktop,
  ...members.map((cluster) => leaf(cluster, [managementCluster, ...members.filter((other) => other !== cluster)])),
];

/** Users of a cluster's leaf: its agents. */
export const leafUsers = (testbed: Testbed, cluster: string): BusUser[] => agentsOf(testbed, cluster);
