import { type BusUser, streamDomain } from './users.ts';

export const busFolder = '/etc/mlsysops/bus';
export const busPort = 4222;
export const leafPort = 7422;
export const monitorPort = 8222;
export const busStateFolder = '/var/lib/mlsysops-bus';

export type UserWithPassword = BusUser & { password: string };

// NATS reads JSON as configuration: quoting is then no concern of ours.
const text = (configuration: unknown): string => `${JSON.stringify(configuration, null, 2)}\n`;

const tls = (folder: string, pair = 'server') => ({
  cert_file: `${folder}/${pair}.crt`,
  key_file: `${folder}/${pair}.key`,
  ca_file: `${folder}/ca.crt`,
});

/**
 * Mutual TLS that also says who it is: the user is the one of the certificate, and his password must come with it. Neither a stolen
 * password nor another agent's certificate lets anybody in as him. A host that is added again gets a new password: its former one's is void.
 */
const asksWho = (folder: string) => ({ ...tls(folder), verify_and_map: true });
/** As the server writes the subject of a client's certificate. */
const subjectOf = (user: string): string => `CN=${user}`;

const common = (name: string, users: readonly UserWithPassword[], folder: string) => ({
  server_name: name,
  port: busPort,
  // Health and counters, for this host alone. NATS asks nobody for a certificate there, so nothing else may reach it.
  https: `127.0.0.1:${monitorPort}`,
  tls: asksWho(folder),
  // A link that was cut leaves connections that TCP tries again after ever longer pauses, up to minutes: one that is silent for about ten seconds is given
  // up and made anew, so that all is whole soon after the link is back.
  ping_interval: '3s',
  ping_max: 2,
  max_payload: 4 * 1024 * 1024,
  authorization: {
    timeout: 5,
    users: users.map(({ user, password, publish, denied, subscribe }) => ({
      user: subjectOf(user),
      password,
      permissions: {
        publish: { allow: publish, ...(denied === undefined ? {} : { deny: denied }) },
        subscribe: { allow: subscribe },
        allow_responses: { max: 100, expires: '1m' },
      },
    })),
  },
});

/** nats.conf of the management host. A secret: it holds the passwords. */
export const hubConfiguration = (hub: { users: readonly UserWithPassword[]; folder?: string; storeFolder?: string }): string =>
  text({
    ...common('hub', hub.users, hub.folder ?? busFolder),
    jetstream: {
      domain: streamDomain,
      store_dir: hub.storeFolder ?? busStateFolder,
      max_memory_store: 64 * 1024 * 1024,
      max_file_store: 1024 * 1024 * 1024,
    },
    leafnodes: { port: leafPort, tls: asksWho(hub.folder ?? busFolder) },
  });

/** nats.conf of a member cluster's master. A secret. A cluster that is cut off from the hub goes on with this server. */
export const leafConfiguration = (leaf: {
  cluster: string;
  users: readonly UserWithPassword[];
  hub: { address: string; user: string; password: string };
  folder?: string;
}): string =>
  text({
    ...common(leaf.cluster, leaf.users, leaf.folder ?? busFolder),
    // An agent of the cluster asks for JetStream as if it were here.
    mappings: { '$JS.API.>': `$JS.${streamDomain}.API.>` },
    // "reconnect" is left out: 2.9 takes whole seconds alone, 2.15 a duration alone, and a second is what both do untold.
    leafnodes: {
      remotes: [
        {
          url: `tls://${leaf.hub.user}:${leaf.hub.password}@${leaf.hub.address}:${leafPort}`,
          tls: tls(leaf.folder ?? busFolder, 'leaf'),
        },
      ],
    },
  });
