import type { Phase, RunContext, Step } from '../run/phase.ts';
import type { Host, Testbed } from '../testbed/schema.ts';
import { layersOf } from './agents/configuration.ts';
import { agentService } from './agents/units.ts';
import { busHealthy } from './bus/server.ts';
import { membersLook } from './karmada/scripts.ts';
import { type Look, nodesLook } from './kubernetes/looks.ts';
import { factsOf, hostsOf, isControlPlane, memberClusters } from './support/hosts.ts';
import type { PhaseTools } from './support/options.ts';
import { allOf, complain, script, waitFor } from './support/shell.ts';
import { hearAgents, listenEarly } from './verify/agents-heard.ts';
import { dnsStep } from './verify/dns.ts';
import { smokeTest } from './verify/smoke.ts';

const waitS = 60;

/** Looks whether everything is really there, on each host and then through the hooks (heartbeats on the bus). Waits a little; changes nothing. */
export const verifyPhase = (tools: PhaseTools): Phase => ({
  id: 'verify',
  title: 'Verify',
  needs: (host, testbed) =>
    testbed.hosts
      .filter(
        (other) =>
          other.name === host.name || host.role === 'management' || (isControlPlane(host) && other.cluster === host.cluster),
      )
      .flatMap((other) => ['network', 'karmada', 'agents'].map((phase) => ({ host: other.name, phase }))),
  steps: async (host, context) => [
    agentsActiveStep(host, context.testbed),
    ...(isControlPlane(host) ? [busStep, nodesReadyStep(host, context.testbed)] : []),
    ...(isControlPlane(host) && (await hasDns(tools, host, context)) ? [dnsStep(host.cluster)] : []),
    ...(host.role === 'management' ? memberClusters(context.testbed).map(memberStep) : []),
  ],
  begin: (context) => listenEarly(context),
  after: async (context) => {
    await hearAgents(context);
    if (tools.options.smoke) await smokeTest(context, tools.options.distFolder);
    for (const hook of tools.options.verifyHooks ?? []) await hook(context);
  },
});

/** The doubles of Kubernetes run no pods of its own, and so no DNS. */
async function hasDns(tools: PhaseTools, host: Host, context: RunContext): Promise<boolean> {
  const architecture = factsOf(host, context)?.architecture;
  if (architecture === undefined) return false;
  const artefacts = await tools.artefacts(context);
  // What cannot be told now (the bundle is gone) fails where it is needed; a reset goes on without it.
  const bundled = await artefacts.bundled(architecture).catch(() => []);
  const isDouble = bundled.some(({ name, double }) => name === 'kubeadm' && double !== undefined);
  if (isDouble)
    context.log('verify', host.name, `${host.cluster} is made of doubles, which have no cluster DNS: it is not looked for`);
  return !isDouble;
}

/** A check as a step: in place when it holds; otherwise it is waited for, and what is missing is named. */
const check = (id: string, title: string, condition: string, otherwise: string, look?: Look): Step => ({
  id,
  title,
  asks: look?.asks,
  observe: allOf(condition),
  change: script(waitFor(look?.fresh(condition) ?? `{ ${condition}; }`, waitS, otherwise)),
  timeoutS: waitS * 3,
});

/** An agent that ends right after its start is started again by systemd, and "active" at times: it must have stayed up for a moment. */
const settledS = 2;

function agentsActiveStep(host: Host, testbed: Testbed): Step {
  const services = layersOf(host, testbed).map(agentService);
  const settled = (service: string) =>
    `[ "$(ps -o etimes= -p "$(systemctl show -p MainPID --value ${service})" 2>/dev/null || echo 0)" -ge ${settledS} ]`;
  return check(
    'agents-active',
    'See the agents running',
    [`systemctl is-active -q ${services.join(' ')}`, ...services.map(settled)].join(' && '),
    services
      .map(
        (service) =>
          `${settled(service)} || { ${complain(`${service} does not stay up; its last lines:`)}; journalctl -u ${service} -n 10 --no-pager >&2; }`,
      )
      .join('; '),
  );
}

const busStep = check(
  'bus-healthy',
  'See the bus answer',
  busHealthy,
  `${complain('the bus (mlsysops-bus) does not answer')}; journalctl -u mlsysops-bus -n 10 --no-pager >&2`,
);

function nodesReadyStep(host: Host, testbed: Testbed): Step {
  const hosts = hostsOf(testbed, host.cluster);
  const nodes = nodesLook(hosts);
  return check(
    'nodes-ready',
    `See the nodes of ${host.cluster} Ready`,
    hosts.map(({ name }) => nodes.isReady(name)).join(' && '),
    hosts
      .map(({ name }) => `${nodes.isReady(name)} || ${complain(`the node ${name} of ${host.cluster} is not Ready`)}`)
      .join('; '),
    nodes,
  );
}

const memberStep = (cluster: string): Step =>
  check(
    `member-${cluster}`,
    `See ${cluster} Ready in Karmada`,
    membersLook.isReady(cluster),
    complain(`${cluster} is not a Ready member of Karmada`),
    membersLook,
  );
