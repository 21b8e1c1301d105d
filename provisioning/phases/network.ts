import type { Phase, RunContext, Step } from '../run/phase.ts';
import type { Host } from '../testbed/schema.ts';
import { apiPort } from './kubernetes/kubeadm-configuration.ts';
import { nodesLook, ownNodeLook } from './kubernetes/looks.ts';
import { kubectl } from './kubernetes/scripts.ts';
import { gatewayOf, networkFiles, overlayEnd, type Route } from './network/bridge.ts';
import { labelStep } from './network/labels.ts';
import { manifestOf, readNetworkManifest } from './network/manifest.ts';
import { applyStep, roomStep } from './network/manifest-steps.ts';
import { beforeManifest } from './network/manifest-traces.ts';
import { awaitNodeNetworks, knownNodeNetworks, type NodeNetworks } from './network/node-networks.ts';
import { podNetworkOf } from './network/way.ts';
import { asStepFiles, filesInPlace, giveToOwners, type PlacedFile } from './support/files.ts';
import { addressOf, hostsOf, isAdopted, isControlPlane } from './support/hosts.ts';
import { allOf, complain, script, undoing, waitFor } from './support/shell.ts';

/** How long a node may take until it is Ready, s: with the network of a manifest its images are pulled first. */
const readyS = 120;
const manifestReadyS = 420;

/** Pod network: a bridge on each node, and routes between the nodes of a cluster, through an overlay where they share no network; or what a manifest brings. Nodes become Ready. */
export const networkPhase = (): Phase => ({
  id: 'network',
  title: 'Network',
  tellsLate: true,
  needs: (host, testbed) => hostsOf(testbed, host.cluster).map((other) => ({ host: other.name, phase: 'kubernetes' })),
  steps: async (host, context) => {
    const hosts = hostsOf(context.testbed, host.cluster);
    if (isAdopted(host, context.testbed)) return isControlPlane(host) ? [labelStep(hosts)] : [];
    const file = manifestOf(host.cluster, context.testbed);
    if (file !== null) {
      const manifest = await readNetworkManifest(file);
      const ofCluster = isControlPlane(host) ? [applyStep(manifest), labelStep(hosts)] : [];
      return [roomStep(manifest), ...ofCluster, nodeReadyStep(host, hosts, manifestReadyS)];
    }
    const labels = isControlPlane(host) ? [labelStep(hosts)] : [];
    return [await bridgeStep(host, context), ...labels, nodeReadyStep(host, hosts, readyS)];
  },
});

const otherNetwork = 'this node has the pod network of a manifest';

async function bridgeStep(host: Host, context: RunContext): Promise<Step> {
  const known = await knownNodeNetworks(host.cluster, context);
  const filesFor = (networks: NodeNetworks) => filesOf(host, context, networks);
  const files = known === null ? null : filesFor(known);
  const routes = known === null ? [] : routesOf(host, context, known);
  let awaited: Promise<NodeNetworks> | undefined;
  const networks = () => {
    awaited ??= known === null ? awaitNodeNetworks(host.cluster, context) : Promise.resolve(known);
    return awaited;
  };
  const active = 'systemctl is-active -q mlsysops-network';
  return {
    id: 'pod-network',
    title: 'Set up the bridge and routes for pods',
    observe:
      files === null
        ? 'false'
        : allOf(filesInPlace(files), active, ...routes.map(({ to, via }) => `ip route show ${to} | grep -q 'via ${via} '`)),
    verify: allOf('[ -s /etc/cni/net.d/10-mlsysops.conflist ]', active),
    files: async () => asStepFiles(filesFor(await networks())),
    change: async () => {
      const found = await networks();
      const gateway = gatewayOf(found.get(host.name) ?? '');
      return script(
        `if [ -e ${beforeManifest} ]; then ${complain(otherNetwork)}; exit 1; fi`,
        giveToOwners(filesFor(found)),
        // A node that was made anew may have another CIDR; the bridge of the former one would be refused.
        `if ip link show cni0 >/dev/null 2>&1 && ! ip -4 addr show cni0 | grep -q 'inet ${gateway}/'; then ip link del cni0; fi`,
        'systemctl daemon-reload',
        'systemctl enable -q mlsysops-network',
        'systemctl restart mlsysops-network || { journalctl -u mlsysops-network -n 10 --no-pager >&2; exit 1; }',
      );
    },
    remedies: [
      {
        pattern: new RegExp(otherNetwork),
        cause: `${otherNetwork}, which the testbed file does not name any more`,
        remedy: `Reset the hosts of ${host.cluster} ("testbed reset"), then run again; or name the manifest in clusters.${host.cluster}.network`,
      },
      {
        pattern: /Nexthop has invalid gateway|Network is unreachable/,
        cause: 'the hosts of this cluster share no network, so that pods cannot be routed between them',
        remedy: `Set clusters.${host.cluster}.network: vxlan in the testbed file`,
      },
      {
        pattern: /Unknown device type|RTNETLINK answers: Operation not supported/,
        cause: 'the kernel of this host has no VXLAN, by which pods of hosts that share no network reach each other',
        remedy:
          'Install the kernel module vxlan (linux-modules-extra on Ubuntu and Raspberry Pi OS), or put the hosts of the cluster on one network',
      },
    ],
    undo: undoing(
      'systemctl disable -q --now mlsysops-network 2>/dev/null',
      // Without their CNI configuration pods cannot be taken down: it goes with the node, as does the bridge.
      'rm -rf /opt/mlsysops/network /etc/systemd/system/mlsysops-network.service',
      'systemctl daemon-reload',
    ),
  };
}

function routesOf(host: Host, context: RunContext, networks: NodeNetworks): Route[] {
  const way = podNetworkOf(host.cluster, context);
  return hostsOf(context.testbed, host.cluster)
    .filter((other) => other.name !== host.name)
    .map((other) => {
      const to = networks.get(other.name) ?? '';
      const peer = addressOf(other, context);
      return way === 'vxlan' ? { to, via: overlayEnd(to), peer } : { to, via: peer };
    });
}

function filesOf(host: Host, context: RunContext, networks: NodeNetworks): PlacedFile[] {
  const own = networks.get(host.name) ?? '';
  const cluster = context.testbed.clusters[host.cluster]?.podCidr ?? own;
  const routes = routesOf(host, context, networks);
  return networkFiles({
    ...{ own, cluster, routes, address: addressOf(host, context) },
    apiPort: isControlPlane(host) ? apiPort : undefined,
  });
}

/** `hosts` are those of its cluster. */
function nodeReadyStep(host: Host, hosts: readonly Host[], seconds: number): Step {
  const nodes = nodesLook(hosts);
  const own = ownNodeLook(host);
  const [look, ready] = isControlPlane(host) ? [nodes, nodes.takesPods(host.name)] : [own, own.takesPods];
  const why = `${kubectl('/etc/kubernetes/kubelet.conf')} get node ${host.name} -o jsonpath='{.status.conditions[?(@.type=="Ready")].message}' >&2; journalctl -u kubelet -n 10 --no-pager >&2`;
  return {
    id: 'node-ready',
    title: 'See the node become Ready',
    asks: look.asks,
    observe: allOf(ready),
    change: script(
      waitFor(look.fresh(ready), seconds, `${complain(`the node ${host.name} is not Ready after ${seconds} s:`)}; ${why}`),
    ),
    timeoutS: seconds + 60,
    remedies: [
      {
        pattern: /cni plugin not initialized|NetworkPluginNotReady/,
        remedy: 'containerd does not see the CNI files: systemctl restart containerd on the host',
      },
    ],
  };
}
