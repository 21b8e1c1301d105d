import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import { type Testbed, testbedSchema } from './schema.ts';

/** Editors that know yaml-language-server complete and check the file by it; see `writeJsonSchema`. */
export const schemaFileName = 'testbed.schema.json';

/**
 * testbed.yaml of a testbed: what is as by default is left out, so that the file says what somebody chose. Its first line tells editors where
 * the JSON schema is: `schema` is a path or an address, seen from the file; null for none.
 */
export function writeTestbedFile(testbed: Testbed, { schema = schemaFileName }: { schema?: string | null } = {}): string {
  const { name, kind, hosts, clusters, ...chosen } = testbed;
  const defaults = testbedSchema.parse({ name, kind, hosts, clusters });
  // Those of a twin follow from what it simulates.
  const isMade = kind === 'twin' && testbed.twin !== undefined;
  const least = {
    name,
    kind,
    hosts: isMade
      ? undefined
      : hosts.map((host) => ({
          name: host.name,
          address: host.address,
          port: host.port,
          user: host.user,
          identityFile: host.identityFile,
          jump: host.jump,
          role: host.role,
          cluster: host.cluster,
          labels: Object.keys(host.labels).length === 0 ? undefined : host.labels,
        })),
    clusters: isMade ? undefined : clusters,
    ...withoutDefaults(chosen, defaults),
  };
  const line = schema === null ? '' : `# yaml-language-server: $schema=${schema}\n`;
  return line + stringify(least, { lineWidth: 0 });
}

/** What differs, two levels deep: keys of the file, and those of its sections. */
function withoutDefaults(value: object, defaults: object, depth = 1): Record<string, unknown> {
  const byDefault = new Map<string, unknown>(Object.entries(defaults));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, own]: [string, unknown]) => {
      const usual = byDefault.get(key);
      if (own === undefined || isDeepStrictEqual(own, usual)) return [];
      const section = depth === 1 && typeof own === 'object' && own !== null && !Array.isArray(own);
      return [[key, section && typeof usual === 'object' && usual !== null ? withoutDefaults(own, usual, 2) : own]];
    }),
  );
}
