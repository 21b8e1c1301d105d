import type { Action, MechanismCommand } from '../../decision/record.ts';
import { permits } from '../../descriptions/application.ts';
import { placementCommand } from '../commands.ts';
import { rejectionOf } from '../constraints.ts';
import { permissionOf } from '../permission-of.ts';
import type { Trigger } from '../policy.ts';
import type { Rejection } from '../rejection.ts';
import type { ClusterSituation, ContinuumSituation, HostSituation, Mechanisms } from '../situation.ts';
import type { FileLayer } from './typescript-policy.ts';

const cannot = (reason: string): Rejection => ({ rule: 'unsupported', reason });

/** A command for a mechanism that is not there, or says that its machine lacks it. Whether an application permits it, the mechanism knows. */
function commandRejection(mechanisms: Mechanisms, action: Action & { kind: 'command' }): Rejection | undefined {
  const there = mechanisms[action.mechanism];
  if (!there) return cannot(`there is no mechanism "${action.mechanism}" here`);
  const { options } = there;
  if (typeof options === 'object' && options !== null && 'absent' in options && typeof options.absent === 'string')
    return { rule: 'absent', reason: options.absent };
  return undefined;
}

const told = (action: Action): MechanismCommand[] =>
  action.kind === 'command' ? [{ mechanism: action.mechanism, command: action.command }] : [];

export const clusterFiles: FileLayer<ClusterSituation> = {
  layer: 'cluster',
  forbids(view, trigger, action, now) {
    if (action.kind === 'command')
      return commandRejection(view.mechanisms, action) ?? permissionOf(view.mechanisms, action.mechanism, trigger);
    if (action.kind === 'placeOnCluster') return cannot('clusters are chosen by the continuum');
    if (action.kind === 'stay') return undefined;
    const { application: name } = trigger;
    const application = view.applications.find(({ description }) => description.name === name)?.description;
    const component = application?.components.find(({ metadata }) => metadata.name === action.component);
    if (!application || !component)
      return cannot(`no component ${action.component} of ${name ?? 'no application'} is described here`);
    const pin = view.components.find((one) => one.application === name && one.component === action.component)?.pin ?? null;
    if (action.kind === 'remove') return pin === action.host ? undefined : cannot(`${action.component} is not on ${action.host}`);
    const target = action.kind === 'move' ? action.to : action.host;
    const node = view.nodes.find((one) => one.name === target);
    if (!node) return { rule: 'unknown-host', reason: `there is no node ${target} in ${view.cluster}` };
    if (action.kind === 'deploy' && pin !== null) return cannot(`${action.component} is on ${pin} already`);
    if (action.kind === 'move' && pin !== action.from)
      return cannot(`${action.component} is on ${pin ?? 'no node'}, not ${action.from}`);
    if (action.kind === 'move' && action.from === action.to) return cannot(`${action.component} is there already`);
    if (action.kind === 'move' && !permits(application, 'component_relocation'))
      return { rule: 'permitted_actions', reason: `${application.name} does not permit component_relocation` };
    return rejectionOf(node, application, component, view, now);
  },
  commands(_view, { application = '' }, action) {
    switch (action.kind) {
      case 'move':
        return [
          placementCommand(application, action.component, { action: 'move', src_host: action.from, target_host: action.to }),
        ];
      case 'deploy':
        return [placementCommand(application, action.component, { action: 'deploy', host: action.host }, true)];
      case 'remove':
        return [placementCommand(application, action.component, { action: 'remove', host: action.host })];
      default:
        return told(action);
    }
  },
};

export const nodeFiles: FileLayer<HostSituation> = {
  layer: 'node',
  forbids: ({ mechanisms }, _trigger, action) =>
    action.kind === 'command'
      ? commandRejection(mechanisms, action)
      : cannot('a node agent sets knobs of its host; it places nothing'),
  commands: (_view, _trigger, action) => told(action),
};

export const continuumFiles: FileLayer<ContinuumSituation> = {
  layer: 'continuum',
  forbids(view, { application: name }: Trigger, action) {
    if (action.kind === 'command') return commandRejection(view.mechanisms, action);
    if (action.kind !== 'placeOnCluster') return cannot('nodes are chosen by the agent of their cluster');
    const member = view.members.find((one) => one.name === action.cluster);
    if (!member) return cannot(`there is no cluster ${action.cluster}`);
    if (!member.ready) return { rule: 'not-ready', reason: `${member.name} is not ready: ${member.reason ?? 'unknown'}` };
    const application = view.applications.find(({ description }) => description.name === name);
    if (!application) return cannot(`there is no application ${name ?? ''}`);
    const ids = application.description.cluster_placement?.cluster_id?.filter((id) => id !== '*') ?? [];
    return ids.length > 0 && !ids.includes(member.name)
      ? { rule: 'cluster_placement.cluster_id', reason: `${name} must be on ${ids.join(' or ')}` }
      : undefined;
  },
  commands(view, { application: name }, action) {
    if (action.kind !== 'placeOnCluster') return told(action);
    const application = view.applications.find(({ description }) => description.name === name);
    const components = application?.description.components.map(({ metadata }) => [metadata.name, action.cluster]) ?? [];
    return [{ mechanism: 'clusterPlacement', command: { name: name ?? '', action: Object.fromEntries(components) } }];
  },
};
