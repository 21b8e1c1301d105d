import type { z } from 'zod';
import { clusterAgent, standbyAgent } from '../../provisioning/phases/bus/users.ts';
import type { Testbed } from '../../provisioning/testbed/schema.ts';
import type { agentLifeSchema } from '../contract/topology.ts';

type Agent = Pick<z.infer<typeof agentLifeSchema>, 'agent' | 'alive' | 'role'>;

/** Who decides in a cluster that has two agents, and whether the other one would follow. */
export interface Leadership {
  cluster: string;
  severity: 'ok' | 'warning' | 'error';
  /** For people: "cluster-c leads, standby-c stands by". */
  text: string;
}

/** Of each cluster with a stand-by. */
export const leaderships = ({ clusters }: Testbed, agents: readonly Agent[]): Leadership[] =>
  Object.entries(clusters).flatMap(([cluster, { standby }]): Leadership[] => {
    if (standby === undefined) return [];
    const both = [clusterAgent(cluster), standbyAgent(cluster)].map(
      (name): Agent => agents.find(({ agent }) => agent === name) ?? { agent: name, alive: false },
    );
    const leader = both.find(({ alive, role }) => alive && role === 'leading');
    const other = both.find((one) => one !== leader);
    if (!leader || !other) return [{ cluster, severity: 'error', text: `nobody leads ${cluster}: nothing is decided there` }];
    return other.alive
      ? [{ cluster, severity: 'ok', text: `${leader.agent} leads, ${other.agent} stands by` }]
      : [{ cluster, severity: 'warning', text: `${leader.agent} leads alone: ${other.agent} has fallen silent` }];
  });
