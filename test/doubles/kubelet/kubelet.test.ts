import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ContainerConfigError, environmentOf } from './environment.ts';
import { readFlags } from './flags.ts';
import { ruleset } from './proxy.ts';
import type { Pod, Service } from './types.ts';

const service = (name: string, ip: string, selector: Record<string, string> = { app: name }): Service => ({
  metadata: { name, namespace: 'mlsysops', uid: name },
  spec: { clusterIP: ip, selector, ports: [{ name: 'metrics', port: 9103, targetPort: 'metrics' }] },
});
const pod = (uid: string, ip: string, more: Partial<Pod['metadata']> & { ready?: boolean } = {}): Pod => {
  const { ready = true, ...metadata } = more;
  return {
    metadata: { name: uid, namespace: 'mlsysops', uid, labels: { app: 'classifier' }, ...metadata },
    spec: { nodeName: 'worker-1', containers: [{ name: 'main', ports: [{ name: 'metrics', containerPort: 9103 }] }] },
    status: { podIP: ip, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
};

test('a ClusterIP leads to the pods that are ready and stay, and is refused when there is none', () => {
  const pods = [
    pod('a', '10.0.0.1'),
    pod('b', '10.0.0.2'),
    pod('leaving', '10.0.0.3', { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    pod('starting', '10.0.0.4', { ready: false }),
    pod('elsewhere', '10.0.0.5', { namespace: 'default' }),
  ];
  const rules = ruleset('table', [service('classifier', '10.96.0.7'), service('nobody', '10.96.0.8')], pods);
  const match = 'ip daddr 10.96.0.7 tcp dport 9103';
  expect(rules.split('\n').filter((line) => line.includes('dnat'))).toEqual(
    // Once for the host's own connections, once for those it forwards.
    [0, 1].flatMap(() => [`    ${match} numgen random mod 2 == 0 dnat to 10.0.0.1:9103`, `    ${match} dnat to 10.0.0.2:9103`]),
  );
  expect(rules).toContain('ip daddr 10.96.0.8 tcp dport 9103 reject');
});

test('a container sees the Services of its namespace, its own variables, and where it runs', () => {
  const container = {
    name: 'main',
    env: [
      { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'TARGET', value: '$(CLASSIFIER_SERVICE_HOST):$(UNKNOWN) $$(NODE)' },
    ],
  };
  const services = [service('classifier', '10.96.0.7'), { ...service('other', '10.96.0.8'), metadata: { namespace: 'default' } }];
  expect(environmentOf(pod('a', ''), container, services, '10.0.0.9')).toMatchObject({
    CLASSIFIER_SERVICE_HOST: '10.96.0.7',
    CLASSIFIER_SERVICE_PORT: '9103',
    CLASSIFIER_SERVICE_PORT_METRICS: '9103',
    NODE: 'worker-1',
    IP: '10.0.0.9',
    APP: 'classifier',
    TARGET: '10.96.0.7:$(UNKNOWN) $(NODE)',
  });
  expect(Object.keys(environmentOf(pod('a', ''), container, services, ''))).not.toContain('OTHER_SERVICE_HOST');
  const secret = { name: 'main', env: [{ name: 'X', valueFrom: { secretKeyRef: { key: 'k', name: 's' } } }] };
  expect(() => environmentOf(pod('a', ''), secret, [], '')).toThrow(ContainerConfigError);
});

test("takes kubelet's own flags, and prefers its kubeconfig to the bootstrap one", () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubelet-flags-'));
  try {
    const bootstrap = join(folder, 'bootstrap.conf');
    const own = join(folder, 'kubelet.conf');
    const config = join(folder, 'config.yaml');
    const args = [
      `--bootstrap-kubeconfig=${bootstrap}`,
      `--kubeconfig=${own}`,
      `--config=${config}`,
      '--container-runtime-endpoint=unix:///run/containerd/containerd.sock',
      '--hostname-override=worker-9',
      '--node-ip=10.0.0.9',
      '--node-labels=a=b,c=d',
    ];
    expect(() => readFlags(args)).toThrow(`there is no kubeconfig at ${own} yet`);
    writeFileSync(bootstrap, '');
    expect(readFlags(args).kubeconfig).toBe(bootstrap);
    writeFileSync(own, '');
    writeFileSync(config, 'kind: KubeletConfiguration\nhealthzPort: 12345\nregisterWithTaints: [{key: k, effect: NoSchedule}]\n');
    expect(readFlags(args)).toEqual({
      kubeconfig: own,
      nodeName: 'worker-9',
      nodeIp: '10.0.0.9',
      nodeLabels: { a: 'b', c: 'd' },
      healthzPort: 12345,
      registerTaints: [{ key: 'k', effect: 'NoSchedule' }],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
