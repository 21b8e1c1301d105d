import type { RunEvent } from '../../../renderer/state/types.ts';
import { nodes } from './world.ts';

/** DOUBLE: the events of a run in which worker-2 stops in Kubernetes, or of one that ends well. */
const phases = [
  'Connect',
  'Facts',
  'Preflight',
  'Prepare',
  'Runtime',
  'Kubernetes',
  'Network',
  'Karmada',
  'Bus',
  'Agents',
  'Verify',
].map((title) => ({
  id: title.toLowerCase(),
  title,
}));
const durations = [90, 210, 410, 3200, 6400, 9100, 3900, 18_600, 4200, 3100, 2600];

export function demoRun(run: string, now: number, ends: 'running' | 'done'): RunEvent[] {
  const start = now - 72_000;
  const hosts = nodes.map((node) => node.name);
  const events: RunEvent[] = [
    {
      type: 'started',
      time: start,
      run,
      testbed: 'lab-4',
      verb: 'up',
      hosts,
      phases,
      doubles: ends === 'done' ? ['kubeadm', 'kubelet', 'karmadactl'] : [],
    },
  ];
  for (const [row, host] of hosts.entries()) {
    let time = start;
    for (const [column, phase] of phases.entries()) {
      const durationMs = (durations[column] ?? 100) * (1 + 0.07 * row);
      const total = [1, 1, 18, 14, 6, 7, 2, 5, 4, 3, 6][column] ?? 1;
      const none = phase.id === 'karmada' && row > 1;
      const cell = (
        state: Extract<RunEvent, { type: 'cell' }>['state'],
        extra: Partial<Extract<RunEvent, { type: 'cell' }>> = {},
      ) => events.push({ type: 'cell', time, phase: phase.id, host, state, total, ...extra });
      if (none) {
        cell('none');
        continue;
      }
      if (ends === 'running') {
        if (host === 'worker-2' && phase.id === 'kubernetes') {
          cell('failed', { detail: 'step 2 of 3', done: 1, total: 3 });
          continue;
        }
        if (host === 'worker-2' && column > 5) {
          cell('held');
          continue;
        }
        if ((host === 'management' && phase.id === 'bus') || (host === 'master-1' && phase.id === 'karmada')) {
          cell('running', {
            done: host === 'management' ? 5 : 3,
            total: 8,
            detail: host === 'management' ? 'hub, TLS' : 'join, 3 of 8',
          });
          continue;
        }
        if ((host === 'management' && column > 8) || (host === 'master-1' && column > 7) || (host === 'worker-1' && column > 7))
          continue;
      }
      time += durationMs;
      const inPlace = row === 0 && (phase.id === 'prepare' || phase.id === 'runtime');
      if (inPlace) cell('in-place', { done: total, durationMs: 120 });
      else if (row === 2 && phase.id === 'preflight') cell('warning', { detail: '1 warning', done: total, durationMs });
      else
        cell('done', {
          done: total,
          durationMs,
          detail: phase.id === 'facts' ? '61 facts' : phase.id === 'connect' ? 'key known' : `${total} steps`,
        });
      for (let step = 0; step < total; step++)
        events.push({
          type: 'step',
          time,
          phase: phase.id,
          host,
          step: `s${step}`,
          title: `${phase.title} step ${step + 1}`,
          state: inPlace ? 'in-place' : 'changed',
          hostMs: durationMs / total,
        });
      events.push({
        type: 'log',
        time,
        phase: phase.id,
        host,
        stream: 'engine',
        text: `${total} steps verified, ${(durationMs / 1000).toFixed(1)} s`,
      });
    }
  }
  if (ends === 'running') {
    events.push(
      {
        type: 'log',
        time: now - 30_000,
        phase: 'kubernetes',
        host: 'worker-2',
        stream: 'stderr',
        text: 'failed to pull image "registry.k8s.io/kube-proxy:v1.36.2"\ndial tcp 34.96.108.209:443: i/o timeout',
      },
      {
        type: 'failure',
        time: now - 2000,
        failure: {
          message: 'worker-2, Kubernetes: Pull the Kubernetes images: no route to registry.k8s.io:443.',
          host: 'worker-2',
          phase: 'kubernetes',
          step: 'Pull the Kubernetes images',
          command: 'kubeadm config images pull --kubernetes-version v1.36.2',
          exitCode: 1,
          stderr: 'failed to pull image "registry.k8s.io/kube-proxy:v1.36.2"\ndial tcp 34.96.108.209:443: i/o timeout',
          cause:
            'It has no route to registry.k8s.io:443. The other three hosts go on; Network, Bus, Agents and Verify of worker-2 are held.',
          remedy: 'Give worker-2 a route to the registry, or set a mirror or an offline bundle in testbed.yaml, then try again.',
          code: 'artefact',
        },
      },
    );
  } else {
    events.push({
      type: 'finished',
      time: now - 5000,
      state: 'done',
      changed: 172,
      inPlace: 20,
      wallMs: 67_000,
      overheadMs: 1900,
      sentBytes: 412e6,
      summary: 'lab-4 is up: 4 nodes ready, 1 member joined, 6 agents alive, in 67 s.',
    });
  }
  return events.sort((a, b) => a.time - b.time);
}
