import { z } from 'zod';
import { twinSchema } from './twin-schema.ts';

const nameSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'a name is lower-case letters, digits and "-", at most 63');
const cidrSchema = z.string().regex(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, 'a CIDR such as 10.11.0.0/16');
const portSchema = z.number().int().min(1).max(65535);
/** A value that goes into SSH's protocol or a file of ours: one line, nothing that a terminal would act upon. */
const lineSchema = z
  .string()
  .min(1)
  .max(1024)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'it has a control character in it');
/** No blanks, and no "-" at the beginning, which programs would take for an option. */
const addressSchema = lineSchema.regex(/^(?!-)[^\s@]*$/, 'an address, or a host name of ~/.ssh/config, without user and blanks');
const userSchema = lineSchema.regex(/^(?!-)/, 'a user name does not begin with "-"');

export const hostRoleSchema = z.enum(['management', 'master', 'worker']);
export type HostRole = z.infer<typeof hostRoleSchema>;

/** A host on the way to another one. */
export const hopSchema = z.strictObject({
  address: addressSchema.describe('IP address, DNS name, or a Host of ~/.ssh/config.'),
  port: portSchema.optional().describe('Port of its sshd. Default: as ~/.ssh/config says, else 22.'),
  user: userSchema.optional().describe('Who logs in there. Default: as ~/.ssh/config says, else who runs the app.'),
  identityFile: lineSchema.optional().describe('Private key for it on this computer; "~/" is your home folder.'),
});
export type Hop = z.infer<typeof hopSchema>;

const jumpTextSchema = lineSchema.regex(
  /^[^\s,]+( *, *[^\s,]+)*$/,
  'a jump host is [user@]host[:port]; several are separated by commas, the first one is reached first',
);

/** One host of `testbed.yaml`. Secrets never stand here: only names of key files. */
export const hostSchema = z.strictObject({
  name: nameSchema.describe('Its name in the testbed, in Kubernetes and on the host itself.'),
  address: addressSchema.describe('IP address, DNS name, or a Host of ~/.ssh/config.'),
  port: portSchema.optional().describe('Port of its sshd. Default: as ~/.ssh/config says, else 22.'),
  user: userSchema
    .optional()
    .describe('Who logs in; becomes root by sudo where it is not root. Default: as ~/.ssh/config says, else root.'),
  identityFile: lineSchema
    .optional()
    .describe('Private key on this computer; "~/" is your home folder. Default: as ~/.ssh/config says, the agent, ~/.ssh/id_*.'),
  jump: z
    .union([jumpTextSchema, z.array(z.union([jumpTextSchema, hopSchema]))])
    .optional()
    .describe(
      'Hosts to go through, the first one reached first, as ProxyJump of OpenSSH: "me@gate.example:2222", or a list. "none": go straight, whatever ~/.ssh/config says.',
    ),
  role: hostRoleSchema.describe(
    'management: runs Karmada and the bus (exactly one host); master: control plane of its cluster (one a cluster); worker.',
  ),
  /** The cluster it belongs to; the management host is its own cluster, "management". */
  cluster: nameSchema.describe('The cluster it belongs to; "management" for the management host.'),
  labels: z.record(z.string(), z.string()).default({}).describe('Labels of its Kubernetes node.'),
});
export type Host = z.infer<typeof hostSchema>;

export const clusterSchema = z.strictObject({
  podCidr: cidrSchema.describe('Addresses of pods; overlaps with no other network of the testbed.'),
  serviceCidr: cidrSchema.describe('Addresses of services; overlaps with no other network of the testbed.'),
  kubeconfig: lineSchema
    .optional()
    .describe(
      'Kubeconfig on this computer of a cluster that is there already, whose nodes the hosts are: it is adopted, and only Karmada, the bus and the agents are installed.',
    ),
  network: z
    .union([
      z.enum(['routes', 'vxlan']),
      z.strictObject({
        manifest: lineSchema.describe(
          'YAML file on this computer with the Kubernetes objects of a pod network, as its publisher has it, e.g. kube-flannel.yml; "~/" is your home folder.',
        ),
      }),
    ])
    .optional()
    .describe(
      'How pods of different hosts reach each other, without any image: "routes" where the hosts share a network, "vxlan" (UDP 8472) elsewhere; found out when not told. Or the manifest of flannel, Calico, Cilium, which is applied as it is.',
    ),
  join: z
    .enum(['push', 'pull'])
    .optional()
    .describe(
      'How Karmada works with a member: "push" to its API, or "pull" by an agent in it, for a member that cannot be reached (behind NAT).',
    ),
  standby: nameSchema
    .optional()
    .describe(
      'A worker of the cluster where a second cluster agent stands by; it leads when the one on the master has been silent for some seconds.',
    ),
});

export const proxySchema = z.strictObject({
  http: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Proxy for http:// addresses, e.g. http://proxy.example:3128.'),
  https: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Proxy for https:// addresses. Default: the one for http.'),
  noProxy: z
    .array(lineSchema.regex(/^[^\s,]+$/, 'one host, domain, address or CIDR an entry'))
    .default([])
    .describe(
      'Hosts, domains (".lab.example"), addresses and CIDRs reached without it. Hosts and networks of the testbed are added.',
    ),
});
export type Proxy = z.infer<typeof proxySchema>;

export const testbedSchema = z.strictObject({
  name: nameSchema.describe('Name of the testbed.'),
  kind: z
    .enum(['hosts', 'local', 'twin'])
    .describe('hosts: yours, over SSH; local: four that the app makes on this Linux computer; twin: simulated.'),
  hosts: z
    .array(hostSchema)
    .default([])
    .describe('One management host, and at least one master with any number of workers for each cluster; a twin has its own.'),
  clusters: z
    .record(nameSchema, clusterSchema)
    .default({})
    .describe('Networks of each cluster by its name: "management", and each member that hosts belong to.'),
  proxy: proxySchema.optional().describe('HTTP proxy by which the hosts reach the internet.'),
  certificateAuthorities: z
    .array(lineSchema)
    .default([])
    .describe(
      'PEM files on this computer with certificate authorities that the hosts shall trust, e.g. of a proxy or a private registry.',
    ),
  kubernetes: z
    .strictObject({
      version: z
        .string()
        .regex(/^\d+\.\d+\.\d+$/, 'a version such as 1.36.2')
        .default('1.36.2')
        .describe('Version of Kubernetes.'),
      kubeadmOverrides: z
        .record(z.string(), z.json())
        .default({})
        .describe("Merged into kubeadm's ClusterConfiguration and InitConfiguration, e.g. for an external etcd."),
      kubeletOverrides: z
        .record(z.string(), z.json())
        .default({})
        .describe("Merged into kubelet's KubeletConfiguration, e.g. failCgroupV1: false."),
      ignorePreflightErrors: z
        .array(z.string())
        .default([])
        .describe("Checks of kubeadm's own preflight that may fail, e.g. SystemVerification."),
    })
    .prefault({})
    .describe('Version and settings of Kubernetes.'),
  artefacts: z
    .strictObject({
      bundle: z
        .string()
        .optional()
        .describe(
          'Folder of an offline bundle (manifest.json beside the files); without it, artefacts come from their publishers.',
        ),
      mirror: z.url().optional().describe("Where artefacts are downloaded from in place of their publishers' addresses."),
    })
    .prefault({})
    .describe('Where what is installed comes from.'),
  preflight: z
    .strictObject({
      ignore: z.array(z.string()).default([]).describe('Ids of checks whose errors are told as warnings, e.g. "port-8000".'),
      python: z
        .boolean()
        .default(false)
        .describe(
          'Whether policies in Python will run there: each host that lacks Python 3.10 or pandas gets them from its distribution.',
        ),
    })
    .prefault({})
    .describe('What is checked before anything is installed.'),
  telemetry: z
    .strictObject({
      otlp: z
        .strictObject({
          endpoint: z.url({ protocol: /^https?$/ }).describe('Collector, e.g. http://collector.example:4318.'),
          headersFile: lineSchema
            .optional()
            .describe('File on each host with headers for the collector, lines "Name: value", readable by root alone.'),
          caFile: lineSchema
            .optional()
            .describe('File on each host with the authorities of the collector, e.g. /etc/ssl/certs/ca-certificates.crt.'),
        })
        .optional()
        .describe('Collector that node agents send all telemetry on to, by OTLP/HTTP.'),
    })
    .optional()
    .describe('Where telemetry goes besides the desktop. Each node serves OpenMetrics on port 9999 in any case.'),
  twin: twinSchema.optional().describe('What is simulated, of kind "twin". Default: the framework\'s testbed of four hosts.'),
  /** Application descriptions deployed at the end of a run; a twin has the smart-camera one by default. */
  applications: z.array(z.string()).default([]).describe('Application descriptions (MLSysOpsApp) deployed at the end of a run.'),
});
export type Testbed = z.infer<typeof testbedSchema>;
/** What a user may leave out is optional here. */
export type TestbedFile = z.input<typeof testbedSchema>;
