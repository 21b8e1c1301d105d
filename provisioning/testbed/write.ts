import { stringify } from 'yaml';
import { type Testbed, type TestbedFile, testbedSchema } from './schema.ts';

/** testbed.yaml of a testbed: what is as by default is left out, so that the file says what somebody chose. */
export function writeTestbedFile(testbed: Testbed): string {
  const least: TestbedFile = {
    name: testbed.name,
    kind: testbed.kind,
    hosts: testbed.hosts.map((host) => ({
      name: host.name,
      address: host.address,
      ...(host.port === 22 ? {} : { port: host.port }),
      ...(host.user === 'root' ? {} : { user: host.user }),
      ...(host.identityFile === undefined ? {} : { identityFile: host.identityFile }),
      role: host.role,
      cluster: host.cluster,
      ...(Object.keys(host.labels).length === 0 ? {} : { labels: host.labels }),
    })),
    clusters: testbed.clusters,
  };
  const defaults = testbedSchema.parse(least);
  const chosen = (['kubernetes', 'artefacts', 'applications'] as const)
    .filter((key) => JSON.stringify(testbed[key]) !== JSON.stringify(defaults[key]))
    .map((key) => [key, testbed[key]]);
  return stringify({ ...least, ...Object.fromEntries(chosen) }, { lineWidth: 0 });
}
