import { z } from 'zod';
import { asName, freeCidrs } from './choose.ts';
import type { LocatedYaml, Path, Problem } from './located.ts';
import { nearest } from './nearest.ts';
import { type Host, type HostRole, type Testbed, testbedSchema } from './schema.ts';
import { semanticProblems } from './semantics.ts';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An Ansible inventory has groups (`all`, or others with hosts or children); a testbed file has a list of hosts. */
export const isInventory = (value: unknown): boolean =>
  isRecord(value) &&
  !Array.isArray(value.hosts) &&
  ('all' in value ||
    Object.values(value).some((group) => isRecord(group) && (isRecord(group.hosts) || isRecord(group.children))));

const variablesSchema = z.object({
  ansible_host: z.string(),
  ansible_user: z.string().optional(),
  ansible_port: z.coerce.number().int().min(1).max(65535).optional(),
  ansible_ssh_private_key_file: z.string().optional(),
  pod_cidr: z.string().optional(),
  service_cidr: z.string().optional(),
  labels: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
});
const knownVariables = [...Object.keys(variablesSchema.shape), 'ansible_python_interpreter', 'k3s_cluster_name'];
/** Ansible can carry passwords in its inventory; ours are asked for or come from the keychain. */
const secretVariable = /pass(word)?$/;

interface Found {
  name: string;
  path: Path;
  role: HostRole;
  cluster: string;
  variables: Record<string, unknown>;
}

/** Groups management_cluster and <cluster>.{master_nodes,worker_nodes}, with the variables of their groups. @throws Failure (invalid-file) */
export function readInventory(yaml: LocatedYaml, fileName: string): Testbed {
  const problems: Problem[] = [];
  const found = findHosts(yaml.value, problems);
  const hosts: Host[] = [];
  const paths: Path[] = [];
  const clusters: Testbed['clusters'] = {};
  const given = new Map<string, { podCidr?: string; serviceCidr?: string }>();
  for (const { name, path, role, cluster, variables } of found) {
    problems.push(...variableProblems(path, variables));
    const parsed = variablesSchema.safeParse(variables);
    if (!parsed.success) {
      for (const issue of parsed.error.issues) {
        const key = String(issue.path[0]);
        const missing = variables[key] === undefined;
        problems.push({
          path: missing ? path : [...path, key],
          text: missing ? `host "${name}" has no ${key}` : `${key} of "${name}": ${issue.message}`,
        });
      }
      continue;
    }
    const of = parsed.data;
    if (of.pod_cidr !== undefined || of.service_cidr !== undefined)
      given.set(cluster, { ...given.get(cluster), podCidr: of.pod_cidr, serviceCidr: of.service_cidr });
    const labels = Object.fromEntries(Object.entries(of.labels).map(([key, value]) => [key, String(value)]));
    const identityFile = of.ansible_ssh_private_key_file;
    hosts.push({
      name,
      address: of.ansible_host,
      port: of.ansible_port,
      user: of.ansible_user,
      identityFile,
      role,
      cluster,
      labels,
    });
    paths.push(path);
  }
  if (found.length === 0 && problems.length === 0)
    problems.push({
      path: [],
      text: 'no hosts found in it',
      remedy:
        'It wants all.children.management_cluster.hosts and all.children.<cluster>.children.{master_nodes,worker_nodes}.hosts',
    });
  if (problems.length > 0) throw yaml.failure(problems);

  for (const cluster of new Set(hosts.map((host) => host.cluster))) {
    const { podCidr, serviceCidr } = given.get(cluster) ?? {};
    const taken = [...given.values()].flatMap((one) => [one.podCidr, one.serviceCidr]).filter((one) => one !== undefined);
    const free = freeCidrs([...taken, ...Object.values(clusters).flatMap((one) => [one.podCidr, one.serviceCidr])]);
    clusters[cluster] = { podCidr: podCidr ?? free(), serviceCidr: serviceCidr ?? free() };
  }
  const name = asName(fileName.replace(/^.*[/\\]/, '').replace(/\.ya?ml$/, '')) || 'testbed';
  const parsed = testbedSchema.safeParse({ name, kind: 'hosts', hosts, clusters });
  if (!parsed.success) {
    throw yaml.failure(
      parsed.error.issues.map((issue) => {
        const index = issue.path[0] === 'hosts' ? Number(issue.path[1]) : -1;
        const value = index >= 0 ? `"${hosts[index]?.name}": ` : `${issue.path.join('.')}: `;
        return { path: paths[index] ?? [], atKey: true, text: `${value}${issue.message}` };
      }),
    );
  }
  const semantic = semanticProblems(parsed.data).map((problem) => {
    const index = problem.path[0] === 'hosts' ? Number(problem.path[1]) : Number.NaN;
    return { ...problem, path: paths[index] ?? [], atKey: true };
  });
  if (semantic.length > 0) throw yaml.failure(semantic);
  return parsed.data;
}

function findHosts(value: unknown, problems: Problem[]): Found[] {
  const found: Found[] = [];
  const root = isRecord(value) && isRecord(value.all) ? value.all : {};
  const base =
    isRecord(value) && 'all' in value ? { path: ['all', 'children'], groups: root.children } : { path: [], groups: value };
  const inherited = isRecord(root.vars) ? root.vars : {};
  const collect = (group: unknown, path: string[], role: HostRole, cluster: string, vars: Record<string, unknown>) => {
    if (!isRecord(group)) return;
    const all = { ...vars, ...(isRecord(group.vars) ? group.vars : {}) };
    if (!isRecord(group.hosts)) return;
    for (const [name, own] of Object.entries(group.hosts))
      found.push({ name, path: [...path, 'hosts', name], role, cluster, variables: { ...all, ...(isRecord(own) ? own : {}) } });
  };
  if (!isRecord(base.groups)) return found;
  for (const [name, group] of Object.entries(base.groups)) {
    const path = [...base.path, name];
    if (!isRecord(group) || name === 'ungrouped') continue;
    const vars = { ...inherited, ...(isRecord(group.vars) ? group.vars : {}) };
    if (name === 'management_cluster') {
      collect(group, path, 'management', 'management', vars);
      continue;
    }
    if (!isRecord(group.children)) {
      const meant = nearest(name, ['management_cluster']);
      if (meant !== null) problems.push({ path, atKey: true, text: `unknown group "${name}", did you mean "${meant}"?` });
      else if (isRecord(group.hosts))
        problems.push({ path, atKey: true, text: `group "${name}" has hosts but no master_nodes and worker_nodes` });
      continue;
    }
    for (const [child, members] of Object.entries(group.children)) {
      const role = child === 'master_nodes' ? 'master' : child === 'worker_nodes' ? 'worker' : null;
      const place = [...path, 'children', child];
      if (role !== null) collect(members, place, role, asName(name), vars);
      else {
        const meant = nearest(child, ['master_nodes', 'worker_nodes']) ?? 'master_nodes" or "worker_nodes';
        problems.push({ path: place, atKey: true, text: `unknown group "${child}", did you mean "${meant}"?` });
      }
    }
  }
  return found;
}

/** Ansible knows many variables of its own; what looks like one of ours, misspelt, is an error. */
function variableProblems(path: Path, variables: Record<string, unknown>): Problem[] {
  return Object.keys(variables).flatMap((key): Problem[] => {
    if (knownVariables.includes(key)) return [];
    if (secretVariable.test(key)) {
      const remedy = 'Take it out: passwords are asked for, or kept in the keychain';
      return [{ path: [...path, key], atKey: true, text: `"${key}" is a secret in a file`, remedy }];
    }
    const meant = nearest(key, knownVariables);
    return meant === null ? [] : [{ path: [...path, key], atKey: true, text: `unknown key "${key}", did you mean "${meant}"?` }];
  });
}
