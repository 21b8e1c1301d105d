import type { Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { busFolder } from '../bus/configuration.ts';
import { standbyAgent } from '../bus/users.ts';
import { allOf, installedFolder, script, undoing } from '../support/shell.ts';
import { clusterKubeconfig } from './configuration.ts';
import { agentConfigFile, agentProgram, agentService, agentState } from './units.ts';

/** Ends the second agent of a cluster on a worker that is not to have it any more: its testbed file names another one, or none. */
export function formerStandbyStep({ cluster }: Host): Step {
  const service = agentService('cluster');
  const unit = `/etc/systemd/system/${service}.service`;
  const credentials = `${busFolder}/${standbyAgent(cluster)}`;
  const files = [
    unit,
    agentConfigFile('cluster'),
    clusterKubeconfig,
    agentProgram('cluster'),
    ...['crt', 'key', 'password'].map((ending) => `${credentials}.${ending}`),
    `${installedFolder}/started-cluster`,
  ];
  const removal = [
    `if [ -e ${unit} ]; then systemctl disable -q --now ${service}; fi`,
    `rm -f ${files.join(' ')}`,
    `rm -rf /var/lib/${agentState('cluster')}`,
    'systemctl daemon-reload',
  ];
  return {
    id: 'former-standby',
    title: 'End the stand-by agent that is not wanted here any more',
    observe: allOf(...files.map((file) => `[ ! -e ${file} ]`)),
    change: script(...removal),
    undo: undoing(...removal),
  };
}
