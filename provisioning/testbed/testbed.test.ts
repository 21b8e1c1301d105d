import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cidrContains, cidrsOverlap } from './cidr.ts';
import { nearest } from './nearest.ts';
import { parseTestbedFile } from './parse.ts';
import { type Testbed, testbedSchema } from './schema.ts';
import { writeTestbedFile } from './write.ts';

const messageOf = (text: string, fileName = 'testbed.yaml'): string => {
  try {
    parseTestbedFile(text, fileName);
  } catch (error) {
    expect(error).toMatchObject({ value: { code: 'invalid-file' } });
    return (error as Error).message;
  }
  return 'accepted';
};

const good = `name: lab
kind: hosts
hosts:
  - { name: management, address: 10.77.0.10, role: management, cluster: management }
  - name: master-1
    address: 10.77.0.11
    user: ubuntu
    role: master
    cluster: cluster1
  - name: worker-1
    address: 10.77.0.12
    role: worker
    cluster: cluster1
clusters:
  management: { podCidr: 10.10.0.0/16, serviceCidr: 10.11.0.0/16 }
  cluster1:
    podCidr: 10.12.0.0/16
    serviceCidr: 10.13.0.0/16
`;

describe('testbed.yaml', () => {
  it('says where and what is wrong, and what was probably meant', () => {
    expect(messageOf(good)).toBe('accepted');
    const cases: [string, string, string][] = [
      ['    address: 10.77.0.11', '    adress: 10.77.0.11', 'testbed.yaml:6:5: unknown key "adress", did you mean "address"?'],
      ['    podCidr: 10.12', '    podCIDR: 10.12', 'testbed.yaml:17:5: unknown key "podCIDR", did you mean "podCidr"?'],
      ['kind: hosts', 'kind: hosts\nzebra: 1', 'testbed.yaml:3:1: unknown key "zebra"; known here: name, kind, hosts'],
      ['    address: 10.77.0.11\n', '', '"address" is missing in hosts.1'],
      ['role: master', 'role: boss', 'testbed.yaml:8:11: hosts.1.role'],
      ['10.12.0.0/16', '10.11.128.0/17', 'podCidr of cluster1, 10.11.128.0/17, overlaps with serviceCidr of management'],
      ['10.12.0.0/16', '10.12.0.0/61', '"10.12.0.0/61" is not a CIDR'],
      ['name: worker-1', 'name: master-1', 'testbed.yaml:10:11: two hosts are called "master-1"'],
      ['10.77.0.12', '10.77.0.11', 'worker-1 and master-1 have the same address'],
      ['role: worker', 'role: master', 'cluster "cluster1" has two masters, master-1 and worker-1'],
      ['role: management, cluster: management', 'role: worker, cluster: cluster1', 'no host has the role management'],
      ['  cluster1:\n', '  cluster2:\n', 'cluster "cluster1" is not described'],
      ['kind: hosts', 'kind: [hosts', 'testbed.yaml:3:'],
    ];
    for (const [from, to, message] of cases) expect(messageOf(good.replace(from, to)), to).toContain(message);
  });

  it('survives any text with a typed failure', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        messageOf(text);
      }),
    );
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(20), fc.string({ maxLength: 5 }), (at, length, patch) => {
        messageOf(good.slice(0, at) + patch + good.slice(at + length));
      }),
    );
  }, 60_000);

  it('reads what it writes', () => {
    fc.assert(
      fc.property(anyTestbed, (testbed) => {
        expect(parseTestbedFile(writeTestbedFile(testbed), 'testbed.yaml')).toEqual(testbed);
      }),
      { numRuns: 60 },
    );
  });
});

const anyTestbed: fc.Arbitrary<Testbed> = fc
  .record({
    name: fc.constantFrom('lab', 'a', 'field-7'),
    workers: fc.array(
      fc.record({ port: fc.integer({ min: 1, max: 65535 }), user: fc.constantFrom('root', 'ubuntu', '0', 'yes', "o'neill") }),
      {
        maxLength: 4,
      },
    ),
    labels: fc.dictionary(
      fc.string({ minLength: 1, maxLength: 8 }).filter((key) => key !== '__proto__'),
      fc.string({ maxLength: 12 }),
      { maxKeys: 3 },
    ),
    identityFile: fc.option(fc.constantFrom('~/.ssh/id_ed25519', '/key with space'), { nil: undefined }),
    bundle: fc.option(fc.constant('/bundle'), { nil: undefined }),
  })
  .map(({ name, workers, labels, identityFile, bundle }) =>
    testbedSchema.parse({
      name,
      kind: 'hosts',
      hosts: [
        { name: 'management', address: '10.77.0.10', role: 'management', cluster: 'management', labels },
        {
          name: 'master-1',
          address: 'master.example',
          role: 'master',
          cluster: 'cluster1',
          ...(identityFile ? { identityFile } : {}),
        },
        ...workers.map((worker, index) => ({
          ...worker,
          name: `w${index}`,
          address: `10.77.1.${index}`,
          role: 'worker',
          cluster: 'cluster1',
        })),
      ],
      clusters: {
        management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' },
        cluster1: { podCidr: '10.12.0.0/16', serviceCidr: '10.13.0.0/16' },
      },
      artefacts: bundle === undefined ? {} : { bundle },
    }),
  );

const inventory = `all:
  vars:
    ansible_user: ubuntu
  children:
    management_cluster:
      hosts:
        mls_host1:
          ansible_host: 192.0.2.1
          ansible_ssh_private_key_file: ~/.ssh/lab
          ansible_python_interpreter: /usr/bin/python3
          pod_cidr: 10.10.0.0/16
          service_cidr: 10.11.0.0/16
          labels:
            site: roof
            floor: 3
    cluster1:
      children:
        master_nodes:
          hosts:
            master-1:
              ansible_host: 192.0.2.2
              ansible_port: 2222
              k3s_cluster_name: cluster1
        worker_nodes:
          hosts:
            worker-1: { ansible_host: 192.0.2.3, ansible_user: root }
            worker-2: { ansible_host: 192.0.2.4 }
`;

describe('an Ansible inventory', () => {
  it('becomes a testbed, with free CIDRs where it gives none', () => {
    const host = { user: 'ubuntu', identityFile: undefined, labels: {} };
    // Names of Kubernetes nodes have no underscore.
    const testbed = parseTestbedFile(inventory.replace('mls_host1', 'mls-host1'), 'hosts/My Lab.yml');
    expect(testbed).toMatchObject({
      name: 'my-lab',
      kind: 'hosts',
      hosts: [
        {
          ...host,
          name: 'mls-host1',
          address: '192.0.2.1',
          identityFile: '~/.ssh/lab',
          role: 'management',
          cluster: 'management',
          labels: { site: 'roof', floor: '3' },
        },
        { ...host, name: 'master-1', address: '192.0.2.2', port: 2222, role: 'master', cluster: 'cluster1' },
        { ...host, name: 'worker-1', address: '192.0.2.3', user: 'root', role: 'worker', cluster: 'cluster1' },
        { ...host, name: 'worker-2', address: '192.0.2.4', role: 'worker', cluster: 'cluster1' },
      ],
      clusters: {
        management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' },
        cluster1: { podCidr: '10.12.0.0/16', serviceCidr: '10.13.0.0/16' },
      },
    });
  });

  it('says where and what is wrong', () => {
    const fine = inventory.replace('mls_host1', 'mls-host1');
    const cases: [string, string, string][] = [
      ['mls-host1', 'mls_host1', 'inventory.yml:7:9: "mls_host1": a name is lower-case letters'],
      ['ansible_port', 'ansible_prot', 'inventory.yml:22:15: unknown key "ansible_prot", did you mean "ansible_port"?'],
      ['pod_cidr', 'podcidr', 'unknown key "podcidr", did you mean "pod_cidr"?'],
      ['worker_nodes', 'workers_nodes', 'unknown group "workers_nodes", did you mean "worker_nodes"?'],
      ['management_cluster', 'managment_cluster', 'unknown group "managment_cluster", did you mean "management_cluster"?'],
      ['ansible_host: 192.0.2.4', 'ansible_user: me', 'host "worker-2" has no ansible_host'],
      ['192.0.2.4', '192.0.2.3', 'worker-2 and worker-1 have the same address'],
      ['ansible_user: root', 'ansible_become_pass: hunter2', '"ansible_become_pass" is a secret in a file'],
    ];
    for (const [from, to, message] of cases) expect(messageOf(fine.replace(from, to), 'inventory.yml'), to).toContain(message);
    expect(messageOf(fine.replace('ansible_user: root', 'ansible_become_pass: hunter2'), 'x.yml')).not.toContain('hunter2');
  });
});

it('finds the key that was meant, and none when nothing is near', () => {
  const keys = ['name', 'address', 'port', 'user', 'identityFile'];
  expect(['adress', 'Port', 'naem', 'identity_file', 'elephant'].map((word) => nearest(word, keys))).toEqual([
    'address',
    'port',
    'name',
    'identityFile',
    null,
  ]);
});

it('knows which CIDRs overlap: as when every address is tried', () => {
  const cidr = fc.tuple(fc.nat(3), fc.integer({ min: 26, max: 32 })).map(([last, bits]) => `10.0.0.${last * 61}/${bits}`);
  fc.assert(
    fc.property(cidr, cidr, (one, other) => {
      const addresses = Array.from({ length: 256 }, (_, index) => `10.0.0.${index}`);
      const shared = addresses.some((address) => cidrContains(one, address) && cidrContains(other, address));
      expect(cidrsOverlap(one, other)).toBe(shared);
    }),
  );
});
